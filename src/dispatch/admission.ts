import { ModeldError, shuttingDown } from "../base/errors.ts";
import type { Instance } from "../upstream/instance.ts";
import type { Server } from "../upstream/server.ts";
import { beginPass, chooseInstance, endPass, noteEnd, notePromptDone, noteStart } from "./choice.ts";
import { doubtSlots } from "../upstream/unconfirmed.ts";
import type { RequestEnding } from "./events.ts";
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

/** Delay before polling again when `/health` says ok and POST says 503, in ms. */
const NOT_BEGUN_PAUSE = 100;

/** Calls without a slot that may wait for one model. */
const MOST_CALLS = 256;

/** Gives a new request its place in the queue of its model, or its refusal. */
export function arrive(state: FleetState, request: QueuedRequest, now: number): void {
  const maxWait = request.client.maxWait ?? state.terms().maxWait;
  request.sequence = ++state.arrivals;
  request.arrivedAt = now;
  request.maxWait = maxWait;
  if (maxWait > 0) request.deadline = now + maxWait;
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
function enqueue(state: FleetState, model: Model, request: QueuedRequest, now: number): void {
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

function beginWaiting(state: FleetState, request: QueuedRequest): void {
  request.phase = "waiting";
  if (request.deadline < Infinity && request.deadlineNode.index < 0) state.deadlines.add(request.deadlineNode);
}

/** Why no request at all is let in, if so. */
function closedTo(state: FleetState): ModeldError | undefined {
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

/** Finds the present model of a queued request, after the servers' lists have changed. */
export function reroute(state: FleetState, request: QueuedRequest, now: number): void {
  leave(state, request, now);
  const model = route(state, request.requested);
  if (model instanceof ModeldError) return reject(state, request, noLongerListed(request));
  request.model = model;
  request.entry = undefined;
  enqueue(state, model, request, now);
}

/** Takes back the slots of a request that has ended. */
export function finish(state: FleetState, request: QueuedRequest, ending: RequestEnding, now: number): void {
  const { leased } = request;
  const instance = giveBackSlots(state, request, now);
  if (instance === undefined) return;
  noteEnd(state, request, ending.kind === "completed" ? ending.timings : undefined, now);
  if (request.isWhole && ending.kind === "cancelled" && instance.isReady) doubtSlots(instance, leased, now);
  if (request.entry !== undefined) request.model?.queue.end(request.entry, now);
  request.phase = "ended";
  instance.lastUsedAt = now;
  if (!mayHaveDied(ending)) instance.served = true;
  if (ending.kind === "completed") {
    if (!request.isCall) instance.times.served(now - request.startedAt);
    instance.failures = 0;
  }
}

/** Whether the death of the model's process may be what ended it. A model that dies of each request serves none. */
function mayHaveDied(ending: RequestEnding): boolean {
  return ending.kind === "failed" && ["truncated", "protocol", "upstream_error"].includes(ending.error.kind);
}

/** Takes back the slots of a request that was not begun, and gives it back its place in the queue where it may be served. */
export function requeue(state: FleetState, request: QueuedRequest, error: ModeldError, now: number): void {
  const instance = giveBackSlots(state, request, now);
  if (instance === undefined) return;
  const { server } = instance;
  server.poll();
  notePromptDone(state, request, now);
  // While a server loads, polls show when it may be tried again.
  if (error.kind !== "loading") request.tried(server.id, now);
  // The lists may have changed since it arrived.
  const model = route(state, request.requested);
  if (model === request.model && model !== undefined && !(model instanceof ModeldError)) {
    if (request.entry !== undefined) model.queue.putBack(request.entry, now);
    else request.place = model.calls.add(request);
    beginWaiting(state, request);
    model.countQueued();
  } else {
    if (request.entry !== undefined) request.model?.queue.end(request.entry, now);
    request.entry = undefined;
    if (model instanceof ModeldError) return reject(state, request, noLongerListed(request));
    request.model = model;
    enqueue(state, model, request, now);
    if (request.refusal !== undefined) return;
  }
  if (error.kind === "loading" && instance.state === "ready") {
    instance.state = "loading";
    instance.loadStartedAt = undefined;
    // Only what the server says after a pause can show that it is ready again.
    instance.commandedAt = now + NOT_BEGUN_PAUSE;
  }
  if (model.stage === "load") state.commands.push({ do: "stage", request, stage: "load" });
  const closed = closedTo(state);
  if (closed !== undefined) refuse(state, request, closed, now);
  else if (error.kind !== "loading" && !mayBeServedElsewhere(model, server, now)) {
    refuse(state, request, error, now);
  }
}

function mayBeServedElsewhere(model: Model, not: Server, now: number): boolean {
  return model.usable(now).some(({ server }) => server !== not);
}

function giveBackSlots(state: FleetState, request: QueuedRequest, now: number): Instance | undefined {
  const { instance, leased } = request;
  if (request.phase !== "running" || instance === undefined) return undefined;
  const { server } = instance;
  request.running?.remove();
  request.growing?.remove();
  request.hold(0, now);
  instance.leased -= leased;
  server.leased -= leased;
  if (!instance.listed && instance.leased === 0) server.instances.delete(instance.id);
  server.running--;
  forgetIfGone(state, server);
  return instance;
}

/** Forgets a server that was removed, once nothing runs on it any more: not even a call that takes no slot. */
export function forgetIfGone(state: FleetState, server: Server): void {
  if (!server.isLeaving || server.running > 0) return;
  state.servers.delete(server.id);
  state.commands.push({ do: "release", server: server.id });
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

/** Gives free slots to those who wait. */
export function assignSlots(state: FleetState, now: number): void {
  growLeases(state, now);
  for (const model of state.models.values()) {
    if (model.waiting > 0) serveQueue(state, model, now);
  }
}

/** A request that began with fewer slots than it can use comes before those that have none. */
function growLeases(state: FleetState, now: number): void {
  if (state.growing.first === undefined) return;
  for (const request of state.growing.toArray()) {
    if (request.instance === undefined) continue;
    lease(request, request.instance, now);
    if (request.leased >= request.slots) request.growing?.remove();
  }
}

function serveQueue(state: FleetState, model: Model, now: number): void {
  const ready = model.instances.filter((instance) => instance.isReady);
  restage(state, model);
  for (const request of model.calls.toArray()) {
    const choice = chooseInstance(state, model, request, ready, now);
    if (choice !== undefined) start(state, request, choice, now);
  }
  if (model.queue.size === 0) return;
  beginPass(state, ready);
  let choice: Instance | undefined;
  const canStart = (request: QueuedRequest): boolean =>
    (choice = chooseInstance(state, model, request, ready, now)) !== undefined;
  while (ready.some(({ free }) => free > 0)) {
    const entry = model.queue.next(now, canStart);
    if (entry === undefined || choice === undefined) return;
    start(state, entry.request, choice, now);
  }
  endPass(model, ready);
}

function start(state: FleetState, request: QueuedRequest, instance: Instance, now: number): void {
  state.deadlines.remove(request.deadlineNode);
  request.place?.remove();
  if (request.entry !== undefined) request.model?.queue.start(request.entry, now);
  request.model?.countQueued();
  request.phase = "running";
  request.startedAt = now;
  request.isAccepted = false;
  request.instance = instance;
  instance.server.running++;
  request.running = state.running.add(request);
  if (!request.isCall) lease(request, instance, now);
  if (!request.isCall && request.leased < request.slots) request.growing = state.growing.add(request);
  noteStart(state, request, now);
  if (!request.isCall) instance.times.waited(now - request.arrivedAt);
  state.commands.push({ do: "start", request });
}

/** As many of the free slots as it can use. */
function lease(request: QueuedRequest, instance: Instance, now: number): void {
  const slots = Math.min(request.slots - request.leased, instance.free);
  request.hold(request.leased + slots, now);
  instance.leased += slots;
  instance.server.leased += slots;
}

/** Says to those who wait what they wait for now. */
function restage(state: FleetState, model: Model): void {
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

function reject(state: FleetState, request: QueuedRequest, error: ModeldError): void {
  request.phase = "ended";
  state.deadlines.remove(request.deadlineNode);
  request.refusal = error;
  state.commands.push({ do: "reject", request });
}
