import { ModeldError, shuttingDown } from "../base/errors.ts";
import type { Server } from "../upstream/server.ts";
import { type Model, route } from "./models.ts";
import {
  clientQueueFull,
  insufficientVram,
  loadFailed,
  modelForbidden,
  noLongerListed,
  notOpenYet,
  notReadyInTime,
  queueFull,
  serverLost,
  serverNotSeenYet,
  waitedTooLong,
} from "./refusals.ts";
import type { QueuedRequest } from "./request.ts";
import { type FleetState, isAnyUnknown, isEmpty } from "./state.ts";

/** Calls without a slot that may wait for one model. */
const MOST_CALLS = 256;

/** Gives a new request its place in the queue of its model, or its refusal. */
export function arrive(state: FleetState, request: QueuedRequest, now: number): void {
  const maxWait = request.client.maxWait ?? state.terms().maxWait;
  request.sequence = ++state.arrivals;
  request.arrivedAt = now;
  request.maxWait = maxWait;
  // The arrival limiter may have held it back before it came here.
  const [{ startedAt: waitsSince } = { startedAt: now }] = request.timeline.spans;
  if (maxWait > 0) request.deadline = waitsSince + maxWait;
  admit(state, request, now);
}

/** Tries again to find the models of requests that came before all servers had said what they have. */
export function admitUnrouted(state: FleetState, now: number): void {
  for (const request of state.unrouted.splice(0)) admit(state, request, now);
}

function admit(state: FleetState, request: QueuedRequest, now: number): void {
  const model = route(state, request.requested);
  if (!(model instanceof ModeldError)) {
    request.model = model;
    request.timeline.model = model.id;
  }
  const closed = closedTo(state);
  if (closed !== undefined) return reject(state, request, closed);
  if (model instanceof ModeldError) {
    if (!isAnyUnknown(state)) return reject(state, request, model);
    if (state.unrouted.length > state.terms().maxQueueDepth) return reject(state, request, serverNotSeenYet());
    beginWaiting(state, request);
    state.unrouted.push(request);
    state.commands.push({ do: "stage", request, stage: "load" });
    return;
  }
  const forbidden = modelForbidden(request.client, model, request.requested);
  if (forbidden !== undefined) return reject(state, request, forbidden);
  const hopeless = whyHopeless(model, now);
  if (hopeless !== undefined) return reject(state, request, hopeless);
  enqueue(state, model, request, now);
}

/** Lets the request wait for the model, or refuses it or another one where the queue is full. */
export function enqueue(state: FleetState, model: Model, request: QueuedRequest, now: number): void {
  const { maxQueueDepth } = state.terms();
  restage(state, model);
  if (request.isCall) {
    if (model.calls.size >= MOST_CALLS) return reject(state, request, queueFull(model, maxQueueDepth));
    request.place = model.calls.add(request);
  } else {
    const added = model.queue.add(request, now, model.free + maxQueueDepth);
    if ("full" in added) {
      return reject(
        state,
        request,
        added.full === "client" ? clientQueueFull(request) : queueFull(model, maxQueueDepth),
      );
    }
    request.entry = added.entry;
    if (added.evicted !== undefined) refuse(state, added.evicted, queueFull(model, maxQueueDepth), now);
  }
  beginWaiting(state, request);
  model.countQueued();
  if (model.stage !== "queue") state.commands.push({ do: "stage", request, stage: model.stage });
}

export function beginWaiting(state: FleetState, request: QueuedRequest): void {
  request.phase = "waiting";
  if (request.deadline < Infinity && request.deadlineNode.index < 0) state.deadlines.add(request.deadlineNode);
}

/** Why no request at all is let in, if so. */
export function closedTo(state: FleetState): ModeldError | undefined {
  if (state.lifecycle === "draining" || state.lifecycle === "closed") return shuttingDown();
  if (isEmpty(state)) return state.absence;
  if (state.lifecycle === "starting") return notOpenYet();
  return everyServerLost(state.servers.values());
}

/** Why nothing can be served, where every server is lost. */
function everyServerLost(servers: Iterable<Server>): ModeldError | undefined {
  let error: ModeldError | undefined;
  for (const { view, isLeaving } of servers) {
    if (isLeaving) continue;
    if (view.is !== "lost") return undefined;
    error ??= view.error;
  }
  return error === undefined ? undefined : serverLost(error);
}

/** Why no server can serve the model, now or soon, if so. */
function whyHopeless(model: Model, now: number): ModeldError | undefined {
  if (model.usable(now).length > 0) return undefined;
  const there = model.instances.filter(({ listed, server }) => listed && server.view.is === "found");
  const soonest = there.sort((a, b) => a.retryAt - b.retryAt)[0];
  if (soonest !== undefined) return loadFailed(soonest, now);
  return everyServerLost(model.instances.map(({ server }) => server));
}

/** Takes a queued request out of its queue. */
export function leave(state: FleetState, request: QueuedRequest, now: number): void {
  if (request.phase !== "waiting") return;
  request.phase = "ended";
  state.deadlines.remove(request.deadlineNode);
  const { model, entry } = request;
  if (model === undefined) {
    const place = state.unrouted.indexOf(request);
    if (place >= 0) state.unrouted.splice(place, 1);
    return;
  }
  request.place?.remove();
  model.held.delete(request);
  if (entry !== undefined) model.queue.remove(entry, now);
  model.countQueued();
}

/**
 * Finds the present model of a queued request, after the servers' lists have changed. Where none has it any more, a server
 * that has said nothing yet may turn out to.
 */
export function reroute(state: FleetState, request: QueuedRequest, now: number): void {
  leave(state, request, now);
  const model = route(state, request.requested);
  if (model instanceof ModeldError && !isAnyUnknown(state)) return reject(state, request, noLongerListed(request));
  request.model = undefined;
  request.entry = undefined;
  admit(state, request, now);
}

/** Turns away those who cannot be served any more, and lets what failed long enough ago be tried again for the others. */
export function reviewQueues(state: FleetState, now: number): void {
  for (const model of state.models.values()) {
    if (model.waiting === 0) continue;
    const hopeless = whyHopeless(model, now);
    if (hopeless !== undefined) {
      for (const request of [...model.requests()]) refuse(state, request, hopeless, now);
      continue;
    }
    for (const instance of model.usable(now)) {
      if (instance.state === "error") instance.state = "unloaded";
    }
  }
}

/** Says to those who wait what they wait for now. */
export function restage(state: FleetState, model: Model): void {
  const stage = model.instances.some(({ isReady }) => isReady) ? "queue" : "load";
  if (model.stage === stage) return;
  model.stage = stage;
  for (const request of model.requests()) state.commands.push({ do: "stage", request, stage });
}

/** Turns those away whose max-wait is over. */
export function expire(state: FleetState, now: number): void {
  for (let next = state.deadlines.first; next !== undefined && next.deadline <= now; next = state.deadlines.first) {
    refuse(state, next, next.model === undefined ? serverNotSeenYet() : whyNotInTime(next.model, next), now);
  }
}

function whyNotInTime(model: Model, request: QueuedRequest): ModeldError {
  if (model.instances.some(({ isReady }) => isReady)) return waitedTooLong(model, request.maxWait);
  if (model.blocked !== undefined) return insufficientVram(model, model.blocked, model.service);
  return notReadyInTime(model, request.maxWait);
}

/** Takes a request out of its queue and turns it away. */
export function refuse(state: FleetState, request: QueuedRequest, error: ModeldError, now: number): void {
  leave(state, request, now);
  reject(state, request, error);
}

export function reject(state: FleetState, request: QueuedRequest, error: ModeldError): void {
  request.phase = "ended";
  state.deadlines.remove(request.deadlineNode);
  request.refusal = error;
  state.commands.push({ do: "reject", request });
}
