import type { ServerModelState } from "../../llama/adapter.ts";
import type { KnownModel } from "../registry/known_model.ts";
import { admitUnrouted, refuseAll, startWaiting } from "./admission.ts";
import type { Sighting } from "./events.ts";
import { Instance } from "./instance.ts";
import type { ManagerState } from "./manager_state.ts";
import { noLongerListed } from "./refusals.ts";
import { becomeLoading, becomeReady, becomeUnloaded, fail, forgetResidency } from "./residency.ts";

/** The model of a server without a list, where the operator gave it no name. */
const NAMELESS = "default";

/** Takes over what a look at the server found. */
export function takeSighting(state: ManagerState, sighting: Sighting, now: number): void {
  const { description } = sighting;
  if (state.server.is !== "found") {
    const build = description.build === undefined ? {} : { build: description.build };
    state.commands.push({ do: "tell", change: { event: "server_found", kind: description.kind, ...build } });
  }
  state.server = { is: "found", description };
  state.lastSeenAt = now;
  state.hasList = sighting.models !== undefined;

  const models = sighting.models ?? [nameless(state)];
  takeList(state, models, sighting.askedAt);
  for (const { id, state: listed, reason } of models) {
    const instance = state.instances.get(id);
    // What was asked before the last command was accepted may not know of it.
    if (instance === undefined || sighting.askedAt <= instance.commandedAt) continue;
    if (instance.seenAt === -Infinity) rediscover(instance);
    instance.seenAt = sighting.askedAt;
    if (description.kind === "router") followRouter(state, instance, listed, reason, now);
    else followHealth(state, instance, sighting.health, now);
    learnSlots(state, instance, description.totalSlots, now);
  }
  admitUnrouted(state, now);
}

/** The server is there and loads its only model: what it said of itself before still holds, if anything. */
export function takeWarming(state: ManagerState, askedAt: number, now: number): void {
  state.lastSeenAt = now;
  if (state.server.is !== "found") {
    state.server = { is: "unknown", reached: true };
  } else if (state.server.description.kind !== "router") {
    for (const instance of state.instances.values()) {
      if (askedAt > instance.commandedAt) followHealth(state, instance, "loading", now);
    }
  }
}

function nameless(state: ManagerState): KnownModel {
  return { id: state.limits.defaultModel ?? NAMELESS, aliases: [], state: "loaded" };
}

function takeList(state: ManagerState, models: readonly KnownModel[], askedAt: number): void {
  const listed = new Set<string>();
  for (const model of models) {
    listed.add(model.id);
    const instance = state.instances.get(model.id);
    if (instance === undefined) state.instances.set(model.id, new Instance(model));
    else {
      instance.listed = true;
      instance.describe(model);
    }
  }
  for (const instance of state.instances.values()) {
    // One that was commanded since is on the server, whatever an older list says.
    if (listed.has(instance.id) || askedAt <= instance.commandedAt) continue;
    instance.listed = false;
    instance.state = "unloaded";
    forgetResidency(instance);
    refuseAll(state, instance.waiting, noLongerListed(instance));
    if (instance.running === 0) state.instances.delete(instance.id);
  }
}

/** Whatever an instance was before the server was lost, it is for the server to say what it is now. */
function rediscover(instance: Instance): void {
  instance.state = "unloaded";
  instance.reason = undefined;
}

function followHealth(state: ManagerState, instance: Instance, health: "ready" | "loading", now: number): void {
  if (health === "ready" && instance.state !== "ready") becomeReady(state, instance, now);
  if (health === "loading" && instance.state !== "loading") becomeLoading(state, instance);
}

function followRouter(
  state: ManagerState,
  instance: Instance,
  listed: ServerModelState,
  reason: string | undefined,
  now: number,
): void {
  switch (listed) {
    case "loaded":
      return followLoaded(state, instance, now);
    case "loading":
      if (instance.state !== "loading") becomeLoading(state, instance);
      return;
    case "unloaded":
    case "failed":
      return followUnloaded(state, instance, reason, now);
  }
}

function followLoaded(state: ManagerState, instance: Instance, now: number): void {
  if (instance.state === "ready" || instance.state === "draining") return;
  // An unload that was not confirmed gets its back-off, for the server may yet do it.
  if (instance.held && now < instance.retryAt) return;
  becomeReady(state, instance, now);
}

function followUnloaded(state: ManagerState, instance: Instance, reason: string | undefined, now: number): void {
  switch (instance.state) {
    case "loading":
      return fail(state, instance, reason ?? "llama-server unloaded it while it was loading", now);
    case "ready":
      if (reason === undefined) return becomeUnloaded(state, instance);
      if (!instance.served) return fail(state, instance, reason, now);
      state.lastError = `${instance.id}: ${reason}`;
      return becomeUnloaded(state, instance);
    case "draining":
      return becomeUnloaded(state, instance);
    case "error":
      if (instance.held) becomeUnloaded(state, instance);
      return;
    case "unloaded":
      return;
  }
}

/** Takes the slot count where the server's description has it; else asks for it. */
function learnSlots(state: ManagerState, instance: Instance, totalSlots: number | undefined, now: number): void {
  if (instance.state !== "ready" || state.limits.maxInflight > 0) return;
  if (totalSlots !== undefined) {
    instance.slots = totalSlots;
    startWaiting(state, instance, now);
  } else if (instance.slots === undefined && !instance.askingCapacity) {
    instance.askingCapacity = true;
    state.commands.push({ do: "ask_capacity", model: instance.id });
  }
}
