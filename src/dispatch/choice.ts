import type { Instance } from "../upstream/instance.ts";
import { Affinity, type Match } from "./affinity/affinity.ts";
import { type AnswerTimings, type ModelEstimates, PromptBacklog, type ServerEstimates } from "./estimates.ts";
import type { Model } from "./models.ts";
import { type Candidate, type Reason, SoonestFirstToken } from "./policy.ts";
import type { QueuedRequest } from "./request.ts";
import type { FleetState } from "./state.ts";

/** What was learned of one model on one server. */
export class Learned {
  readonly affinity = new Affinity();
  readonly backlog = new PromptBacklog();
  readonly estimates: ServerEstimates;
  /** Queued requests that wait for this server rather than for any, in the present pass. */
  awaited = 0;
  /** When the model was loaded that this is true of; another load has an empty cache. */
  #loadedAt: number | undefined;

  constructor(model: ModelEstimates) {
    this.estimates = model.onServer();
  }

  /** Forgets what was in the cache of an earlier load. */
  check({ loadedAt }: Instance): this {
    if (loadedAt !== this.#loadedAt) this.affinity.clear();
    this.#loadedAt = loadedAt;
    return this;
  }
}

/** What was decided for a request that was started. */
export interface Placement {
  readonly reason: Reason;
  /** What was known of its prompt on the server; undefined where there was nothing to choose. */
  readonly match?: Match;
  /** Tokens of the prompt that are expected in the server's cache. */
  readonly expectedTokens: number;
}

interface InstanceCandidate extends Candidate {
  readonly instance: Instance;
  readonly match: Match | undefined;
}

/** The policy of a fleet. */
export function makePolicy(maxAffinityWait: () => number, random: () => number): SoonestFirstToken<InstanceCandidate> {
  return new SoonestFirstToken(maxAffinityWait, random);
}

/** What is known of the model on the instance's server. */
export function learnedOf(state: FleetState, model: Model, instance: Instance): Learned {
  let learned = state.learned.get(instance);
  if (learned === undefined) {
    learned = new Learned(model.estimates);
    state.learned.set(instance, learned);
  }
  return learned.check(instance);
}

/** Begins a pass over the queue of a model. */
export function beginPass(state: FleetState, ready: readonly Instance[]): void {
  for (const instance of ready) {
    const learned = state.learned.get(instance);
    if (learned !== undefined) learned.awaited = 0;
  }
}

/**
 * The instance on which a request is to be started now, with `request.placement` saying why; undefined where it waits, for
 * a slot or for the server that has its prompt in the cache.
 */
export function chooseInstance(
  state: FleetState,
  model: Model,
  request: QueuedRequest,
  ready: readonly Instance[],
  now: number,
): Instance | undefined {
  const open = ready.filter((instance) => mayTry(state, request, instance, now));
  const [only, ...others] = open;
  if (only === undefined) return undefined;
  if (request.isCall || others.length === 0 || request.prompt === undefined) return leastBusy(state, request, open);

  const tokensPerByte = model.estimates.tokensPerByte;
  request.promptTokens = request.prompt.bytes * tokensPerByte;
  const choice = state.policy.choose(
    request,
    open.map((instance) => candidate(state, model, request, instance, now)),
    now,
  );
  switch (choice.is) {
    case "send":
      request.placement = placement(choice.reason, choice.to.match, choice.to.cachedTokens);
      return choice.to.instance;
    case "wait":
      request.heldSince ??= now;
      model.held.add(request);
      learnedOf(state, model, choice.for.instance).awaited++;
      state.reviewAt = Math.min(state.reviewAt, choice.until);
      return undefined;
    case "queue":
      return undefined;
  }
}

/** Requests that wait for a warm server keep no slot free any more where others have taken them all. */
export function endPass(model: Model, ready: readonly Instance[]): void {
  if (model.held.size === 0 || ready.some(({ free }) => free > 0)) return;
  for (const request of model.held) request.heldSince = undefined;
  model.held.clear();
}

/** Notes that a request was sent to its server. */
export function noteStart(state: FleetState, request: QueuedRequest, now: number): void {
  const { model, instance, prompt, placement } = request;
  if (model === undefined || instance === undefined) return;
  model.held.delete(request);
  request.heldSince = undefined;
  const { timeline } = request;
  timeline.placement = { reason: placement?.reason ?? "only", expectedTokens: placement?.expectedTokens ?? 0 };
  if (prompt === undefined) return;
  const { backlog, estimates } = learnedOf(state, model, instance);
  backlog.begin(Math.max(0, request.promptTokens - (placement?.expectedTokens ?? 0)) / estimates.prefillRate, now);
  request.isInBacklog = true;
}

/** Notes that a request has its first token, or has ended without. */
export function notePromptDone(state: FleetState, request: QueuedRequest, now: number): void {
  const { model, instance } = request;
  if (!request.isInBacklog || model === undefined || instance === undefined) return;
  request.isInBacklog = false;
  learnedOf(state, model, instance).backlog.end(now);
}

/** Learns from how a request ended. @param timings where it ended well and llama-server sent them */
export function noteEnd(
  state: FleetState,
  request: QueuedRequest,
  timings: AnswerTimings | undefined,
  now: number,
): void {
  notePromptDone(state, request, now);
  const { model, instance, prompt, placement } = request;
  if (model === undefined || instance === undefined || request.isCall) return;
  if (prompt === undefined) return;
  const { affinity, estimates } = learnedOf(state, model, instance);
  affinity.remember(prompt, (timings?.predictedTokens ?? 0) / model.estimates.tokensPerByte);
  if (timings === undefined) return;
  estimates.served(now - request.startedAt);
  estimates.answered(prompt.bytes, timings);
  const tokens = timings.cacheTokens + timings.promptTokens;
  if (placement?.match === undefined || tokens === 0) return;
  affinity.learn(placement.match, timings.cacheTokens / tokens * prompt.bytes);
}

function mayTry(state: FleetState, request: QueuedRequest, instance: Instance, now: number): boolean {
  if (instance.yieldsTo !== undefined) return false;
  const mayTryAt = request.mayTryAt(instance.server.id);
  if (mayTryAt > now) state.reviewAt = Math.min(state.reviewAt, mayTryAt);
  return mayTryAt <= now;
}

/** The instance with the most free slots, at random among equals. A call needs none. */
function leastBusy(state: FleetState, request: QueuedRequest, open: readonly Instance[]): Instance | undefined {
  let best: Instance | undefined;
  let ties = 0;
  for (const instance of open) {
    if (instance.free === 0 && !request.isCall) continue;
    if (best === undefined || instance.free > best.free) {
      best = instance;
      ties = 1;
    } else if (instance.free === best.free && state.random() < 1 / ++ties) {
      best = instance;
    }
  }
  request.placement = placement(request.hasTried ? "failover" : open.length === 1 ? "only" : "cold", undefined, 0);
  return best;
}

function placement(reason: Reason, match: Match | undefined, expectedTokens: number): Placement {
  return { reason, expectedTokens, ...(match !== undefined && { match }) };
}

function candidate(
  state: FleetState,
  model: Model,
  request: QueuedRequest,
  instance: Instance,
  now: number,
): InstanceCandidate {
  const { affinity, backlog, estimates, awaited } = learnedOf(state, model, instance);
  const match = request.matchOn(instance, affinity);
  const { capacity, free } = instance;
  return {
    server: instance.server.id,
    slots: capacity,
    freeSlots: free,
    waitMs: Math.max(estimates.slotWaitMs(capacity, free, awaited), backlog.remainingMs(now)),
    prefillRate: estimates.prefillRate,
    serviceMs: estimates.serviceMs,
    cachedTokens: (match?.expectedBytes ?? 0) * model.estimates.tokensPerByte,
    historyTokens: (match?.historyBytes ?? 0) * model.estimates.tokensPerByte,
    continues: match?.continues ?? false,
    instance,
    match,
  };
}
