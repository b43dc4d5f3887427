import { backOff } from "../back_off.ts";
import { refuseAll, restage, startWaiting } from "./admission.ts";
import { type Budget, planRoom } from "./budget.ts";
import type { Instance, UnloadCause } from "./instance.ts";
import { isRouter, type ManagerState } from "./manager_state.ts";
import { insufficientVram, loadFailed } from "./refusals.ts";

/** Back-off after failures to load or unload a model, in ms. */
const FAILED = { first: 1_000, longest: 60_000 };

/** Loads what requests wait for, in the order of their arrival, and makes room for it. */
export function placeLoads(state: ManagerState, now: number): void {
  if (!isRouter(state)) return;
  let blocked = false;
  for (const instance of wanted(state)) {
    const plan = planRoom(instance, state.instances.values(), budgetOf(state));
    if (plan.kind === "refuse") {
      refuseAll(state, instance.waiting, insufficientVram(instance, plan.reason));
    } else if (!blocked && plan.kind === "load") {
      beginLoad(state, instance, now);
    } else if (!blocked) {
      blocked = true;
      if (plan.kind !== "evict") continue;
      for (const victim of plan.victims) beginUnload(state, victim, { kind: "evict", forModel: instance.id }, now);
    }
  }
}

function wanted(state: ManagerState): Instance[] {
  const wanted = [];
  for (const instance of state.instances.values()) {
    if (instance.state === "unloaded" && instance.isKnown && instance.waiting.length > 0) wanted.push(instance);
  }
  const oldest = (instance: Instance) => instance.waiting[0]?.sequence ?? Infinity;
  return wanted.sort((a, b) => oldest(a) - oldest(b));
}

function budgetOf(state: ManagerState): Budget {
  const models = state.server.is === "found" ? state.server.description.maxInstances ?? 0 : 0;
  return { mb: state.limits.vramBudgetMb, marginMb: state.limits.vramMarginMb, models };
}

function beginLoad(state: ManagerState, instance: Instance, now: number): void {
  if (state.limits.vramBudgetMb > 0) warnOfUnknownSize(state, instance);
  instance.state = "loading";
  instance.reason = undefined;
  instance.loadStartedAt = now;
  instance.commandedAt = Infinity;
  state.commands.push({ do: "load", model: instance.id });
  state.commands.push({
    do: "tell",
    change: { event: "load_start", model: instance.id, est_vram_mb: instance.estimate.mb },
  });
}

function warnOfUnknownSize(state: ManagerState, instance: Instance): void {
  if (instance.estimate.source !== "unknown" || instance.warnedOfSize) return;
  instance.warnedOfSize = true;
  const message = "size of the model is unknown: counted as 1 MB in the VRAM budget; set --models-dir to its folder";
  state.commands.push({ do: "warn", message, model: instance.id });
}

function beginUnload(state: ManagerState, instance: Instance, cause: UnloadCause, now: number): void {
  instance.state = "draining";
  instance.unloading = cause;
  instance.drainDeadline = state.limits.drainTimeout > 0 ? now + state.limits.drainTimeout : Infinity;
  instance.commandedAt = Infinity;
  state.commands.push({ do: "unload", model: instance.id });
}

/** The server can serve the model now. */
export function becomeReady(state: ManagerState, instance: Instance, now: number): void {
  if (instance.state === "loading" && instance.loadStartedAt !== undefined) {
    state.loads++;
    const change = {
      event: "load_done",
      model: instance.id,
      load_ms: Math.round(now - instance.loadStartedAt),
    } as const;
    state.commands.push({ do: "tell", change });
  }
  instance.state = "ready";
  instance.reason = undefined;
  instance.held = false;
  instance.unloading = undefined;
  instance.loadStartedAt = undefined;
  instance.loadedAt = now;
  instance.served = false;
  startWaiting(state, instance, now);
  restage(state, instance);
}

/** The server is loading the model, whoever asked it to. */
export function becomeLoading(state: ManagerState, instance: Instance): void {
  instance.state = "loading";
  instance.held = false;
  instance.unloading = undefined;
  instance.loadStartedAt = undefined;
  restage(state, instance);
}

/** The server does not hold the model any more; its own doing unless modeld asked for it. */
export function becomeUnloaded(state: ManagerState, instance: Instance): void {
  const cause = instance.unloading;
  if (cause?.kind === "evict") {
    state.evictions++;
    state.commands.push({ do: "tell", change: { event: "evict", model: instance.id, for_model: cause.forModel } });
  } else {
    const change = { event: "unload", model: instance.id, cause: cause?.kind ?? "server" } as const;
    state.commands.push({ do: "tell", change });
  }
  instance.state = "unloaded";
  forgetResidency(instance);
  restage(state, instance);
}

/** Forgets what holds only for a loaded model. */
export function forgetResidency(instance: Instance): void {
  instance.held = false;
  instance.reason = undefined;
  instance.unloading = undefined;
  instance.loadStartedAt = undefined;
  instance.loadedAt = undefined;
  instance.slots = undefined;
}

/** A load failed, or the model died before it served anybody: everybody who waits is told, and a back-off begins. */
export function fail(state: ManagerState, instance: Instance, reason: string, now: number): void {
  forgetResidency(instance);
  enterError(state, instance, reason, now);
  const retry_after_ms = Math.round(instance.retryAt - now);
  state.commands.push({ do: "tell", change: { event: "load_failed", model: instance.id, reason, retry_after_ms } });
}

/** An unload was not confirmed: the model's memory counts until it is. */
export function holdUnconfirmed(state: ManagerState, instance: Instance, reason: string, now: number): void {
  enterError(state, instance, reason, now);
  instance.held = true;
  const message = "model cannot be said to be unloaded: its memory counts until llama-server confirms it";
  state.commands.push({ do: "warn", message, model: instance.id });
}

function enterError(state: ManagerState, instance: Instance, reason: string, now: number): void {
  instance.failures++;
  instance.retryAt = now + backOff(FAILED, instance.failures, state.random);
  instance.state = "error";
  instance.reason = reason;
  state.lastError = `${instance.id}: ${reason}`;
  refuseAll(state, instance.waiting, loadFailed(instance, now));
}

/** Gives up on unloads that took too long, and unloads what nobody has used for long enough. */
export function checkResidency(state: ManagerState, now: number): void {
  for (const instance of state.instances.values()) {
    if (instance.state === "draining" && now >= instance.drainDeadline) {
      const reason = `llama-server has not confirmed its unload within ${state.limits.drainTimeout} ms`;
      holdUnconfirmed(state, instance, reason, now);
    } else if (now >= idleDeadline(state, instance)) {
      beginUnload(state, instance, { kind: "idle" }, now);
    }
  }
}

/** When a model is to be unloaded for lack of use; Infinity while it is used, or never. */
export function idleDeadline(state: ManagerState, instance: Instance): number {
  const idles = state.limits.idleUnload > 0 && instance.state === "ready" && !instance.busy && isRouter(state);
  return idles ? instance.idleSince + state.limits.idleUnload : Infinity;
}
