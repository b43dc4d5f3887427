import { backOff } from "./calls.ts";
import type { Instance, UnloadCause } from "./instance.ts";
import type { Server } from "./server.ts";
import { trustSlots } from "./unconfirmed.ts";

/** Back-off after failures to load or unload a model, in ms. */
const FAILED = { first: 1_000, longest: 60_000 };

/** Asks the server to load a model. */
export function beginLoad(instance: Instance, now: number): void {
  const { server } = instance;
  if (server.terms().vramBudgetMb > 0) warnOfUnknownSize(instance);
  instance.state = "loading";
  instance.reason = undefined;
  instance.loadStartedAt = now;
  instance.commandedAt = Infinity;
  server.order("load", instance.id);
  server.emit({ event: "load_start", model: instance.id, est_vram_mb: instance.estimate.mb });
}

function warnOfUnknownSize(instance: Instance): void {
  if (instance.estimate.source !== "unknown" || instance.warnedOfSize) return;
  instance.warnedOfSize = true;
  const message = "size of the model is unknown: counted as 1 MB in the VRAM budget; set --models-dir to its folder";
  instance.server.warn(instance.id, message);
}

/** Asks the server to unload a model that nothing runs on. */
export function beginUnload(instance: Instance, cause: UnloadCause, now: number): void {
  const { drainTimeout } = instance.server.terms();
  instance.state = "draining";
  instance.unloading = cause;
  instance.drainDeadline = drainTimeout > 0 ? now + drainTimeout : Infinity;
  instance.commandedAt = Infinity;
  instance.server.order("unload", instance.id);
}

/** The server can serve the model now. */
export function becomeReady(instance: Instance, now: number): void {
  if (instance.state === "loading" && instance.loadStartedAt !== undefined) {
    instance.loadMs = now - instance.loadStartedAt;
    instance.server.loads++;
    instance.server.emit({ event: "load_done", model: instance.id, load_ms: Math.round(instance.loadMs) });
  }
  instance.state = "ready";
  instance.reason = undefined;
  instance.held = false;
  instance.unloading = undefined;
  instance.loadStartedAt = undefined;
  instance.loadedAt = now;
  instance.served = false;
}

/** The server is loading the model, whoever asked it to. */
export function becomeLoading(instance: Instance): void {
  instance.state = "loading";
  instance.held = false;
  instance.unloading = undefined;
  instance.loadStartedAt = undefined;
}

/** The server does not hold the model any more; its own doing unless modeld asked for it. */
export function becomeUnloaded(instance: Instance): void {
  const { unloading: cause, server } = instance;
  if (cause?.kind === "evict") {
    server.evictions++;
    server.emit({ event: "evict", model: instance.id, for_model: cause.forModel });
  } else {
    server.emit({ event: "unload", model: instance.id, cause: cause?.kind ?? "server" });
  }
  instance.state = "unloaded";
  forgetResidency(instance);
}

/** Forgets what holds only for a loaded model. */
export function forgetResidency(instance: Instance): void {
  instance.held = false;
  instance.reason = undefined;
  instance.unloading = undefined;
  instance.yieldsTo = undefined;
  instance.loadStartedAt = undefined;
  instance.loadedAt = undefined;
  instance.slots = undefined;
  trustSlots(instance);
}

/** A load failed, or the model died before it served anybody: a back-off begins. */
export function fail(instance: Instance, reason: string, now: number): void {
  forgetResidency(instance);
  enterError(instance, reason, now);
  const retry_after_ms = Math.round(instance.retryAt - now);
  instance.server.emit({ event: "load_failed", model: instance.id, reason, retry_after_ms });
}

/** An unload was not confirmed: the model's memory counts until it is. */
export function holdUnconfirmed(instance: Instance, reason: string, now: number): void {
  enterError(instance, reason, now);
  instance.yieldsTo = undefined;
  instance.held = true;
  const message = "model cannot be said to be unloaded: its memory counts until llama-server confirms it";
  instance.server.warn(instance.id, message);
}

function enterError(instance: Instance, reason: string, now: number): void {
  instance.failures++;
  instance.retryAt = now + backOff(FAILED, instance.failures, instance.server.random);
  instance.state = "error";
  instance.reason = reason;
  instance.server.lastError = { at: now, message: `${instance.id}: ${reason}` };
}

/** Gives up on unloads that took too long, and unloads what nobody has used for long enough. */
export function checkResidency(server: Server, now: number): void {
  for (const instance of server.instances.values()) {
    if (instance.state === "draining" && now >= instance.drainDeadline) {
      const reason = `llama-server has not confirmed its unload within ${server.terms().drainTimeout} ms`;
      holdUnconfirmed(instance, reason, now);
    } else if (now >= idleDeadline(instance)) {
      beginUnload(instance, { kind: "idle" }, now);
    }
  }
}

/** When something of the server's models is due, in the clock's ms; Infinity where nothing is. */
export function nextResidencyDeadline(server: Server): number {
  let next = Infinity;
  for (const instance of server.instances.values()) {
    const drain = instance.state === "draining" ? instance.drainDeadline : Infinity;
    next = Math.min(next, drain, idleDeadline(instance));
  }
  return next;
}

/** When a model is to be unloaded for lack of use; Infinity while it is used, or never. */
function idleDeadline(instance: Instance): number {
  const { idleUnload } = instance.server.terms();
  const idles = idleUnload > 0 && instance.state === "ready" && instance.leased === 0 && instance.queued === 0 &&
    instance.server.isRouter;
  return idles ? instance.idleSince + idleUnload : Infinity;
}
