import { ModeldError, shuttingDown } from "../../base/errors.ts";
import type { Ending } from "./events.ts";
import type { Instance } from "./instance.ts";
import { freeSlots, type ManagerState, slotsOf } from "./manager_state.ts";
import {
  loadFailed,
  noLongerListed,
  notOpenYet,
  notReadyInTime,
  queueFull,
  serverLost,
  serverNotSeenYet,
  waitedTooLong,
} from "./refusals.ts";
import { route } from "./route.ts";
import type { Ticket } from "./ticket.ts";

/** A server that is ready by its word and loading by its deed is asked again after this long, in ms. */
const POSTPONED_PAUSE = 100;

/** Gives a new request its slot, its place in the queue, or its refusal. */
export function arrive(state: ManagerState, ticket: Ticket, now: number): void {
  ticket.sequence = ++state.arrivals;
  ticket.arrivedAt = now;
  if (state.limits.maxWait > 0) ticket.deadline = now + state.limits.maxWait;
  const { lifecycle, server, unrouted } = state;
  if (lifecycle === "open" && server.is === "unknown" && unrouted.length <= state.limits.maxQueueDepth) {
    ticket.phase = "waiting";
    unrouted.push(ticket);
    state.commands.push({ do: "stage", ticket, stage: "load" });
  } else {
    admit(state, ticket, now);
  }
}

/** Takes in those who came before the server was first seen. */
export function admitUnrouted(state: ManagerState, now: number): void {
  for (const ticket of state.unrouted.splice(0)) admit(state, ticket, now);
}

function admit(state: ManagerState, ticket: Ticket, now: number): void {
  const found = route(state, ticket.requested);
  if (!(found instanceof ModeldError)) {
    ticket.instance = found.instance;
    ticket.upstreamModel = found.upstreamModel;
    ticket.timeline.model = found.instance.id;
  }
  const closed = closedTo(state);
  if (closed !== undefined) return reject(state, ticket, closed);
  if (found instanceof ModeldError) return reject(state, ticket, found);

  const { instance } = found;
  if (instance.state === "error") {
    if (!instance.mayRetry(now)) return reject(state, ticket, loadFailed(instance, now));
    instance.state = "unloaded";
  }
  if (instance.state === "ready" && instance.waiting.length === 0 && freeSlots(state, instance) > 0) {
    return start(state, instance, ticket, now);
  }
  if (instance.waiting.length >= freeSlots(state, instance) + state.limits.maxQueueDepth) {
    return reject(state, ticket, queueFull(state, instance));
  }
  ticket.phase = "waiting";
  instance.waiting.push(ticket);
  if (instance.state !== "ready") state.commands.push({ do: "stage", ticket, stage: "load" });
}

/** Why no request at all is let in, if so. */
function closedTo(state: ManagerState): ModeldError | undefined {
  if (state.lifecycle === "draining" || state.lifecycle === "closed") return shuttingDown();
  if (state.lifecycle === "starting") return notOpenYet();
  if (state.server.is === "unknown") return serverNotSeenYet();
  return state.server.is === "lost" ? serverLost(state.server.error) : undefined;
}

/** Takes a waiting request out of its queue. */
export function leave(state: ManagerState, ticket: Ticket): void {
  if (ticket.phase !== "waiting") return;
  ticket.phase = "ended";
  const queue = ticket.instance?.waiting ?? state.unrouted;
  const place = queue.indexOf(ticket);
  if (place >= 0) queue.splice(place, 1);
}

/** Takes back the slot of a request that has ended. */
export function finish(state: ManagerState, ticket: Ticket, ending: Ending, now: number): void {
  const instance = giveBackSlot(ticket);
  if (instance === undefined) return;
  ticket.phase = "ended";
  instance.lastUsedAt = now;
  if (!mayHaveDied(ending)) instance.served = true;
  if (ending.kind === "completed") {
    instance.times.served(now - ticket.startedAt);
    instance.failures = 0;
  }
  if (!instance.listed && instance.running === 0) state.instances.delete(instance.id);
  else startWaiting(state, instance, now);
}

/** Whether the death of the model's process may be what ended it. A model that dies of each request serves none. */
function mayHaveDied(ending: Ending): boolean {
  return ending.kind === "failed" && ["truncated", "protocol", "upstream_error"].includes(ending.error.kind);
}

/** Takes back the slot of a request that was not begun, and gives it back its place in the queue. */
export function postpone(state: ManagerState, ticket: Ticket, now: number): void {
  const instance = giveBackSlot(ticket);
  if (instance === undefined) return;
  ticket.phase = "waiting";
  const after = instance.waiting.findIndex((other) => other.sequence > ticket.sequence);
  instance.waiting.splice(after < 0 ? instance.waiting.length : after, 0, ticket);
  if (instance.state === "ready") {
    instance.state = "loading";
    instance.loadStartedAt = undefined;
    // Only what the server says after a pause can tell that it is ready again.
    instance.commandedAt = now + POSTPONED_PAUSE;
    for (const waiting of instance.waiting) state.commands.push({ do: "stage", ticket: waiting, stage: "load" });
  } else {
    state.commands.push({ do: "stage", ticket, stage: "load" });
  }
  const closed = closedTo(state);
  if (closed !== undefined) refuse(state, ticket, closed);
  else if (!instance.listed) refuse(state, ticket, noLongerListed(instance));
  else if (instance.state === "error") refuse(state, ticket, loadFailed(instance, now));
  state.commands.push({ do: "look" });
}

function giveBackSlot(ticket: Ticket): Instance | undefined {
  if (ticket.phase !== "running" || ticket.instance === undefined) return undefined;
  ticket.instance.running--;
  return ticket.instance;
}

/** Gives the free slots of a ready model to those who wait, first come first served. */
export function startWaiting(state: ManagerState, instance: Instance, now: number): void {
  if (instance.state !== "ready") return;
  while (instance.running < slotsOf(state, instance)) {
    const next = instance.waiting.shift();
    if (next === undefined) return;
    start(state, instance, next, now);
  }
}

function start(state: ManagerState, instance: Instance, ticket: Ticket, now: number): void {
  ticket.phase = "running";
  ticket.startedAt = now;
  instance.running++;
  instance.times.waited(now - ticket.arrivedAt);
  state.commands.push({ do: "start", ticket });
}

/** Turns those away whose max-wait is over. Deadlines come in the order of the queues. */
export function expire(state: ManagerState, now: number): void {
  for (const ticket of expired(state.unrouted, now)) refuse(state, ticket, serverNotSeenYet());
  for (const instance of state.instances.values()) {
    for (const ticket of expired(instance.waiting, now)) {
      leave(state, ticket);
      const isReady = instance.state === "ready";
      reject(state, ticket, isReady ? waitedTooLong(state, instance) : notReadyInTime(state, instance));
    }
  }
}

function expired(queue: readonly Ticket[], now: number): readonly Ticket[] {
  const end = queue.findIndex((ticket) => ticket.deadline > now);
  return queue.slice(0, end < 0 ? queue.length : end);
}

/** Turns everybody in a queue away. */
export function refuseAll(state: ManagerState, queue: readonly Ticket[], error: ModeldError): void {
  for (const ticket of [...queue]) refuse(state, ticket, error);
}

function refuse(state: ManagerState, ticket: Ticket, error: ModeldError): void {
  leave(state, ticket);
  reject(state, ticket, error);
}

function reject(state: ManagerState, ticket: Ticket, error: ModeldError): void {
  ticket.phase = "ended";
  ticket.refusal = error;
  state.commands.push({ do: "reject", ticket });
}

/** Tells those who still wait what they wait for now. */
export function restage(state: ManagerState, instance: Instance): void {
  const stage = instance.state === "ready" ? "queue" : "load";
  for (const ticket of instance.waiting) state.commands.push({ do: "stage", ticket, stage });
}
