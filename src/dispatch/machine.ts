import { ModeldError, shuttingDown } from "../base/errors.ts";
import type { ServerEvent } from "../upstream/lifecycle.ts";
import { checkResidency, nextResidencyDeadline } from "../upstream/residency.ts";
import type { Server } from "../upstream/server.ts";
import { expireDoubts, nextDoubtDeadline, takeBusySlots } from "../upstream/unconfirmed.ts";
import { takeSnapshot, takeWarming } from "../upstream/snapshot.ts";
import { admitUnrouted, arrive, expire, leave, refuse, reroute, reviewQueues } from "./admission.ts";
import { notePromptDone } from "./choice.ts";
import type { Command } from "./commands.ts";
import type { Event, RequestEnding } from "./events.ts";
import { assignSlots, finish, forgetIfGone, requeue } from "./leases.ts";
import { regroup } from "./models.ts";
import { placeLoads } from "./placement.ts";
import { serverLostWhileRunning } from "./refusals.ts";
import type { QueuedRequest } from "./request.ts";
import type { FleetState } from "./state.ts";

/**
 * The one place where the state of the fleet changes: takes an event, changes the state, answers what is to be done. Does
 * nothing else: no I/O, no timers, no promises. `now` is in ms and never goes back.
 *
 * An event only changes what is known; then loads are placed and slots are assigned for whoever waits.
 */
export function step(state: FleetState, event: Event, now: number): Command[] {
  state.reviewAt = Infinity;
  apply(state, event, now);
  reviewQueues(state, now);
  placeLoads(state, now);
  assignSlots(state, now);
  return state.commands.splice(0);
}

/** When the next deadline passes, in the clock's ms; Infinity when there is none. */
export function nextDeadline(state: FleetState): number {
  let next = Math.min(state.reviewAt, state.deadlines.first?.deadline ?? Infinity);
  for (const server of state.servers.values()) {
    next = Math.min(next, nextResidencyDeadline(server), nextDoubtDeadline(server));
  }
  return next;
}

function apply(state: FleetState, event: Event, now: number): void {
  switch (event.is) {
    case "arrive":
      return arrive(state, event.request, now);
    case "leave":
      return leave(state, event.request, now);
    case "accepted":
      event.request.isAccepted = true;
      if (event.request.instance !== undefined) event.request.instance.server.isOnTrial = false;
      return;
    case "first_token":
      return notePromptDone(state, event.request, now);
    case "finish":
      learnFrom(state, event.request, event.ending, now);
      return finish(state, event.request, event.ending, now);
    case "not_begun":
      learnFrom(state, event.request, { kind: "failed", error: event.error }, now);
      return requeue(state, event.request, event.error, now);
    case "server": {
      const server = state.servers.get(event.server);
      return server === undefined ? undefined : applyToServer(state, server, event.event, now);
    }
    case "add_server":
      return addServer(state, event.server, now);
    case "remove_server":
      return removeServer(state, event.server, now);
    case "explain_absence":
      state.absence = event.error;
      return;
    case "tick":
      expire(state, now);
      for (const server of state.servers.values()) {
        checkResidency(server, now);
        expireDoubts(server, now);
      }
      return;
    case "open":
      if (state.lifecycle === "starting") state.lifecycle = "open";
      return;
    case "drain":
    case "close":
      return turnAway(state, event.is === "drain" ? "draining" : "closed", now);
  }
}

function applyToServer(state: FleetState, server: Server, event: ServerEvent, now: number): void {
  switch (event.is) {
    case "seen":
      takeSnapshot(server, event.snapshot, now);
      break;
    case "warming":
      takeWarming(server, event.askedAt, now);
      break;
    case "lost":
      lose(state, server, event.error, now);
      break;
    case "accepted":
      return server.accepted(event.model, now);
    case "refused":
      if (state.lifecycle === "closed") return; // it was modeld that gave the call up
      if (event.error.isRefusal) lose(state, server, event.error, now);
      return server.refused(event.model, event.error, now);
    case "capacity":
      return server.takeCapacity(event.model, event.slots);
    case "busy":
      if (state.lifecycle === "closed") return; // nobody would answer the next question
      return takeBusySlots(server, event.model, event.slots);
  }
  afterListChange(state, now);
}

function afterListChange(state: FleetState, now: number): void {
  for (const request of regroup(state)) reroute(state, request, now);
  admitUnrouted(state, now);
}

/** A request may still be connecting for this long after it was started, in ms. */
const CONNECTING = 1_000;

/**
 * Ends what runs on a server that is lost. Where it refuses connections, requests that have only just been started are
 * about to be refused as well, which proves that they were not begun: they are left to find that out, and to go elsewhere.
 *
 * @param witness the request whose end showed it: it is ending already
 */
function lose(state: FleetState, server: Server, error: ModeldError, now: number, witness?: QueuedRequest): void {
  server.lose(error, now);
  for (const request of state.running.toArray()) {
    if (request.instance?.server !== server || request === witness) continue;
    if (error.isRefusal && !request.isAccepted && now - request.startedAt < CONNECTING) continue;
    state.commands.push({ do: "abort", request, reason: serverLostWhileRunning(server, error) });
  }
}

function addServer(state: FleetState, added: Server, now: number): void {
  const known = state.servers.get(added.id);
  if (known === undefined) state.servers.set(added.id, added);
  else known.isLeaving = false;
  afterListChange(state, now);
}

function removeServer(state: FleetState, id: string, now: number): void {
  const server = state.servers.get(id);
  if (server === undefined) return;
  server.isLeaving = true;
  forgetIfGone(state, server);
  afterListChange(state, now);
}

/** Draws conclusions about the server from how a request ended. */
function learnFrom(state: FleetState, request: QueuedRequest, ending: RequestEnding, now: number): void {
  const server = request.instance?.server;
  if (request.phase !== "running" || ending.kind !== "failed" || server === undefined) return;
  const { error } = ending;
  // Where the server was seen after the request went out, the next poll decides.
  if (error.isRefusal && request.startedAt >= (server.lastSeenAt ?? -Infinity)) {
    lose(state, server, error, now, request);
  }
  switch (error.kind) {
    case "unreachable":
    case "truncated":
    case "protocol":
    case "upstream_error":
    case "upstream_refused":
      server.poll();
  }
}

function turnAway(state: FleetState, lifecycle: "draining" | "closed", now: number): void {
  state.lifecycle = lifecycle;
  for (const request of [...state.unrouted]) refuse(state, request, shuttingDown(), now);
  for (const model of state.models.values()) {
    for (const request of [...model.requests()]) refuse(state, request, shuttingDown(), now);
  }
}
