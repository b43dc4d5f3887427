import { type Client, mayUseModel } from "../base/client.ts";
import { clip } from "../base/clip.ts";
import { ModeldError } from "../base/errors.ts";
import type { Instance } from "../upstream/instance.ts";
import type { Server } from "../upstream/server.ts";
import type { Model } from "./models.ts";
import type { QueuedRequest } from "./request.ts";

/** When to come back for something whose duration is not known, in seconds. */
const SOON = 5;
/** A client is not sent away for longer than this, in seconds. */
const LONGEST = 300;
/** What a request is assumed to take before any has ended, in ms. */
const UNKNOWN_SERVICE = 1_000;

/** As many seconds as the requests ahead are likely to take. */
function secondsUntilSlot(model: Model): number {
  const rounds = (model.queue.size + 1) / Math.max(1, model.slots);
  return wholeSeconds(rounds * (model.service ?? UNKNOWN_SERVICE));
}

function wholeSeconds(ms: number): number {
  return Math.min(LONGEST, Math.max(1, Math.ceil(ms / 1_000)));
}

/** `queue_full`: as many wait as may; come back when those ahead are likely to be through. */
export function queueFull(model: Model, maxQueueDepth: number): ModeldError {
  return new ModeldError(
    "queue_full",
    `too busy: ${model.id}: ${model.depth} of ${maxQueueDepth} requests waiting, ` +
      `${model.slots - model.free} of ${model.slots} slots in use`,
    { retryAfterSeconds: secondsUntilSlot(model) },
  );
}

/** `queue_full`: as many of one client's requests wait as may. */
export function clientQueueFull({ client }: QueuedRequest): ModeldError {
  return new ModeldError("queue_full", `too busy: ${client.maxQueue} requests of ${client.name} wait, its limit`, {
    retryAfterSeconds: SOON,
  });
}

/** `model_forbidden`, where the client's configuration names the model neither by its id nor as it was asked for. */
export function modelForbidden(client: Client, model: Model, requested: string | undefined): ModeldError | undefined {
  if (mayUseModel(client, model.id) || mayUseModel(client, requested ?? model.id)) return undefined;
  return new ModeldError("model_forbidden", `${client.name} may not use the model ${clip(model.id)}`);
}

/** `wait_timeout`: the model is ready, but no slot came free within max-wait. */
export function waitedTooLong(model: Model, maxWait: number): ModeldError {
  return new ModeldError(
    "wait_timeout",
    `too busy: ${model.id}: no slot within ${maxWait} ms, ${model.leased} of ${model.slots} slots in use, ` +
      `${Math.max(0, model.depth - 1)} more requests waiting`,
    { retryAfterSeconds: secondsUntilSlot(model) },
  );
}

/** `loading`: the model was not ready within max-wait. */
export function notReadyInTime(model: Model, maxWait: number): ModeldError {
  const states = [...new Set(model.instances.map(({ state }) => state))].join(" or ");
  return new ModeldError("loading", `model not ready within ${maxWait} ms: ${model.id} is ${states}`, {
    retryAfterSeconds: SOON,
  });
}

/** `loading`: the preflight has not ended. */
export function notOpenYet(): ModeldError {
  return new ModeldError("loading", "modeld is starting: llama-server has not been checked yet", {
    retryAfterSeconds: SOON,
  });
}

/** `loading`: nothing is known of llama-server yet. */
export function serverNotSeenYet(): ModeldError {
  return new ModeldError("loading", "llama-server is loading, or has not answered yet", { retryAfterSeconds: SOON });
}

/** `not_configured`: there is no llama-server. */
export function notConfigured(): ModeldError {
  return new ModeldError("not_configured", "llama adapter not initialized: set --llama-url or LLAMA_URL");
}

/** `load_failed`, with llama-server's reason; come back when the load is tried again. */
export function loadFailed(instance: Instance, now: number): ModeldError {
  return new ModeldError(
    "load_failed",
    `model failed to load: ${instance.id}: ${instance.reason ?? "unknown reason"}`,
    { retryAfterSeconds: wholeSeconds(instance.retryAt - now) },
  );
}

/** `insufficient_vram`, with what is in the way; come back in `ms` milliseconds where that is known. */
export function insufficientVram(model: Model, reason: string, ms?: number): ModeldError {
  return new ModeldError(
    "insufficient_vram",
    `no room for model ${model.id}: ${reason}`,
    ms === undefined ? {} : { retryAfterSeconds: wholeSeconds(ms) },
  );
}

/** `model_not_found`, with what was asked for. */
export function modelNotFound(message: string): ModeldError {
  return new ModeldError("model_not_found", `model not found: ${message}`);
}

/** `model_not_found`, for requests that wait for a model when it leaves the list. */
export function noLongerListed({ model, requested }: QueuedRequest): ModeldError {
  return modelNotFound(`${model?.id ?? requested}; llama-server no longer has it`);
}

/** For requests that meet lost servers: a refusal of key or version stays one, anything else is an absent server. */
export function serverLost(error: ModeldError): ModeldError {
  const kind = error.kind === "upstream_refused" ? error.kind : "unreachable";
  return new ModeldError(kind, error.message, { cause: error, retryAfterSeconds: 1 });
}

/** For requests that run on a server when it is lost: they may have begun, so they are not sent to another one. */
export function serverLostWhileRunning(server: Server, error: ModeldError): ModeldError {
  return new ModeldError("upstream_error", `adapter generate: ${server.id} was lost: ${error.message}`, {
    cause: error,
  });
}
