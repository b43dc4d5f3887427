import { ModeldError } from "../../base/errors.ts";
import type { Instance } from "./instance.ts";
import { freeSlots, type ManagerState, queueDepth, slotsOf } from "./manager_state.ts";

/** When to come back for something whose duration is not known, in seconds. */
const SOON = 5;
/** A client is not sent away for longer than this, in seconds. */
const LONGEST = 300;
/** What a request is assumed to take before any has ended, in ms. */
const UNKNOWN_SERVICE = 1_000;

/** As many seconds as the requests ahead are likely to take. */
function secondsUntilSlot(state: ManagerState, instance: Instance): number {
  const rounds = (instance.waiting.length + 1) / slotsOf(state, instance);
  return wholeSeconds(rounds * (instance.times.service ?? UNKNOWN_SERVICE));
}

function wholeSeconds(ms: number): number {
  return Math.min(LONGEST, Math.max(1, Math.ceil(ms / 1_000)));
}

/** `queue_full`: as many wait as may; come back when those ahead are likely to be through. */
export function queueFull(state: ManagerState, instance: Instance): ModeldError {
  const { maxQueueDepth } = state.limits;
  const slots = slotsOf(state, instance);
  return new ModeldError(
    "queue_full",
    `too busy: ${instance.id}: ${queueDepth(state, instance)} of ${maxQueueDepth} requests waiting, ` +
      `${slots - freeSlots(state, instance)} of ${slots} slots in use`,
    { retryAfterSeconds: secondsUntilSlot(state, instance) },
  );
}

/** `wait_timeout`: the model is ready, but no slot came free within max-wait. */
export function waitedTooLong(state: ManagerState, instance: Instance): ModeldError {
  return new ModeldError(
    "wait_timeout",
    `too busy: ${instance.id}: no slot within ${state.limits.maxWait} ms, ` +
      `${instance.running} of ${slotsOf(state, instance)} slots in use, ${
        queueDepth(state, instance)
      } more requests waiting`,
    { retryAfterSeconds: secondsUntilSlot(state, instance) },
  );
}

/** `loading`: the model was not ready within max-wait. */
export function notReadyInTime(state: ManagerState, instance: Instance): ModeldError {
  return new ModeldError(
    "loading",
    `model not ready within ${state.limits.maxWait} ms: ${instance.id} is ${instance.state}`,
    { retryAfterSeconds: SOON },
  );
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

/** `shutting_down`: another instance, or the next start, will serve. */
/** `load_failed`, with llama-server's reason; come back when the load is tried again. */
export function loadFailed(instance: Instance, now: number): ModeldError {
  return new ModeldError(
    "load_failed",
    `model failed to load: ${instance.id}: ${instance.reason ?? "unknown reason"}`,
    {
      retryAfterSeconds: wholeSeconds(instance.retryAt - now),
    },
  );
}

/** `insufficient_vram`, with what is in the way. */
export function insufficientVram(instance: Instance, reason: string): ModeldError {
  return new ModeldError("insufficient_vram", `no room for model ${instance.id}: ${reason}`);
}

/** `model_not_found`, with what was asked for. */
export function modelNotFound(message: string): ModeldError {
  return new ModeldError("model_not_found", `model not found: ${message}`);
}

/** `model_not_found`, for requests that wait for a model when it leaves the list. */
export function noLongerListed(instance: Instance): ModeldError {
  return modelNotFound(`${instance.id}; llama-server no longer has it`);
}

/** For requests that meet a lost server: a refusal of key or version stays one, anything else is an absent server. */
export function serverLost(error: ModeldError): ModeldError {
  const kind = error.kind === "upstream_refused" ? error.kind : "unreachable";
  return new ModeldError(kind, error.message, { cause: error, retryAfterSeconds: 1 });
}
