import { ModeldError } from "../base/errors.ts";
import { lacksEndpoint } from "../llama/failures.ts";
import type { Instance } from "../upstream/instance.ts";
import type { Server } from "../upstream/server.ts";
import { doubtSlots } from "../upstream/unconfirmed.ts";
import { beginWaiting, closedTo, enqueue, refuse, reroute, restage } from "./admission.ts";
import { beginPass, chooseInstance, endPass, noteEnd, notePromptDone, noteStart } from "./choice.ts";
import type { RequestEnding } from "./events.ts";
import { type Model, route } from "./models.ts";
import type { QueuedRequest } from "./request.ts";
import type { FleetState } from "./state.ts";

/** Delay before polling again when `/health` says ok and POST says 503, in ms. */
const NOT_BEGUN_PAUSE = 100;

/** Gives free slots to those who wait. */
export function assignSlots(state: FleetState, now: number): void {
  growLeases(state, now);
  for (const model of inTurn(state)) serveQueue(state, model, now);
}

/**
 * The models for which requests wait, by the oldest request that may start: where a client may run only so many, each of
 * its models has its turn.
 */
function inTurn(state: FleetState): readonly Model[] {
  const models: Model[] = [];
  for (const model of state.models.values()) if (model.waiting > 0) models.push(model);
  if (models.length < 2) return models;
  const oldest = ({ queue }: Model): number => queue.oldest?.sequence ?? Infinity;
  return models.map((model) => ({ model, at: oldest(model) })).sort((a, b) => a.at - b.at).map(({ model }) => model);
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
  while (model.queue.size > 0 && ready.some(({ free }) => free > 0)) {
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
  // While a server loads, polls show when it may be tried again; one without the endpoint will not have it in a second.
  if (error.kind !== "loading") request.tried(server.id, lacksEndpoint(error) ? Infinity : now);
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
    if (model instanceof ModeldError) return reroute(state, request, now);
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
  else if (error.kind !== "loading" && !mayBeServedElsewhere(model, request, server, now)) {
    refuse(state, request, error, now);
  }
}

function mayBeServedElsewhere(model: Model, request: QueuedRequest, not: Server, now: number): boolean {
  return model.usable(now).some(({ server }) => server !== not && request.mayTryAt(server.id) < Infinity);
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
