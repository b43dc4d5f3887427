import { type ModeldError, shuttingDown } from "../../base/errors.ts";
import { arrive, expire, finish, leave, postpone, refuseAll, startWaiting } from "./admission.ts";
import type { Command } from "./commands.ts";
import type { Ending, Event } from "./events.ts";
import type { ManagerState } from "./manager_state.ts";
import { serverLost } from "./refusals.ts";
import { checkResidency, fail, forgetResidency, holdUnconfirmed, idleDeadline, placeLoads } from "./residency.ts";
import { takeSighting, takeWarming } from "./sighting.ts";
import type { Ticket } from "./ticket.ts";

/**
 * The one place where the manager's state changes: takes an event, changes the state, answers what is to be done. Does
 * nothing else: no I/O, no timers, no promises. `now` is in ms and never goes back.
 */
export function step(state: ManagerState, event: Event, now: number): Command[] {
  state.commands = [];
  apply(state, event, now);
  placeLoads(state, now);
  return state.commands;
}

function apply(state: ManagerState, event: Event, now: number): void {
  switch (event.is) {
    case "arrive":
      return arrive(state, event.ticket, now);
    case "leave":
      return leave(state, event.ticket);
    case "finish":
      heed(state, event.ticket, event.ending);
      return finish(state, event.ticket, event.ending, now);
    case "postponed":
      return postpone(state, event.ticket, now);
    case "seen":
      return takeSighting(state, event.sighting, now);
    case "warming":
      return takeWarming(state, event.askedAt, now);
    case "lost":
      return lose(state, event.error);
    case "accepted":
      return commandAccepted(state, event.model, now);
    case "refused":
      return commandRefused(state, event.model, event.error, now);
    case "capacity":
      return takeCapacity(state, event.model, event.slots, now);
    case "tick":
      expire(state, now);
      return checkResidency(state, now);
    case "open":
      if (state.lifecycle === "starting") state.lifecycle = "open";
      return;
    case "drain":
    case "close":
      return turnAway(state, event.is === "drain" ? "draining" : "closed");
  }
}

/** When the next deadline passes, in the clock's ms; Infinity when there is none. */
export function nextDeadline(state: ManagerState): number {
  let next = state.unrouted[0]?.deadline ?? Infinity;
  for (const instance of state.instances.values()) {
    const wait = instance.waiting[0]?.deadline ?? Infinity;
    const drain = instance.state === "draining" ? instance.drainDeadline : Infinity;
    next = Math.min(next, wait, drain, idleDeadline(state, instance));
  }
  return next;
}

/** Draws conclusions about the server from how a request ended. */
function heed(state: ManagerState, ticket: Ticket, ending: Ending): void {
  if (ticket.phase !== "running" || ending.kind !== "failed") return;
  switch (ending.error.kind) {
    case "unreachable":
      // Where the server was seen after the request went out, the next look decides.
      if (ticket.startedAt >= (state.lastSeenAt ?? -Infinity)) lose(state, ending.error);
      state.commands.push({ do: "look" });
      return;
    case "truncated":
    case "protocol":
    case "upstream_error":
    case "upstream_refused":
      state.commands.push({ do: "look" });
      return;
  }
}

function lose(state: ManagerState, error: ModeldError): void {
  if (state.server.is === "lost") {
    state.server = { is: "lost", error };
    return;
  }
  state.server = { is: "lost", error };
  state.lastError = error.message;
  state.commands.push({ do: "forget" }, { do: "tell", change: { event: "server_lost", reason: error.message } });
  refuseAll(state, state.unrouted, serverLost(error));
  for (const instance of state.instances.values()) {
    refuseAll(state, instance.waiting, serverLost(error));
    forgetResidency(instance);
    instance.state = "error";
    instance.reason = "llama-server is lost";
    instance.retryAt = -Infinity;
    instance.seenAt = -Infinity;
  }
}

function commandAccepted(state: ManagerState, model: string, now: number): void {
  const instance = state.instances.get(model);
  if (instance === undefined) return;
  instance.commandedAt = now;
  state.commands.push({ do: "look" });
}

function commandRefused(state: ManagerState, model: string, error: ModeldError, now: number): void {
  if (state.lifecycle === "closed") return; // it was modeld that gave the call up
  if (error.kind === "unreachable") lose(state, error);
  const instance = state.instances.get(model);
  if (instance === undefined) return;
  instance.commandedAt = now;
  if (instance.state === "loading") fail(state, instance, error.message, now);
  if (instance.state === "draining") holdUnconfirmed(state, instance, error.message, now);
  state.commands.push({ do: "look" });
}

function takeCapacity(state: ManagerState, model: string, slots: number | undefined, now: number): void {
  const instance = state.instances.get(model);
  if (instance === undefined) return;
  instance.askingCapacity = false;
  if (instance.state !== "ready" || slots === undefined) return;
  instance.slots = slots;
  startWaiting(state, instance, now);
}

function turnAway(state: ManagerState, lifecycle: "draining" | "closed"): void {
  state.lifecycle = lifecycle;
  refuseAll(state, state.unrouted, shuttingDown());
  for (const instance of state.instances.values()) refuseAll(state, instance.waiting, shuttingDown());
}
