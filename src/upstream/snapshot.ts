import type { ServerModelState } from "../llama/llama_server.ts";
import { Instance } from "./instance.ts";
import type { Snapshot } from "./lifecycle.ts";
import type { KnownModel } from "./model.ts";
import { becomeLoading, becomeReady, becomeUnloaded, fail, forgetResidency } from "./residency.ts";
import type { Server } from "./server.ts";

/** The model of a server without a list, where the operator gave it no name. */
const NAMELESS = "default";

/** Takes over what a poll of the server found. */
export function takeSnapshot(server: Server, snapshot: Snapshot, now: number): void {
  const { description } = snapshot;
  if (server.view.is !== "found") {
    const build = description.build === undefined ? {} : { build: description.build };
    server.emit({ event: "server_found", kind: description.kind, ...build });
    server.isOnTrial = server.view.is === "lost" && server.lastSeenAt !== undefined;
  }
  server.view = { is: "found", description };
  server.lastSeenAt = now;
  server.hasList = snapshot.models !== undefined;

  const models = snapshot.models ?? [nameless(server)];
  takeList(server, models, snapshot.askedAt);
  for (const { id, state: listed, reason } of models) {
    const instance = server.instances.get(id);
    // What was asked before the last command was accepted may not know of it.
    if (instance === undefined || snapshot.askedAt <= instance.commandedAt) continue;
    if (instance.seenAt === -Infinity) rediscover(instance);
    instance.seenAt = snapshot.askedAt;
    if (description.kind === "router") followRouter(instance, listed, reason, now);
    else followHealth(instance, snapshot.health, now);
    learnSlots(instance, description.totalSlots);
  }
}

/** The server is there and loads its only model: what it said of itself before still holds, if anything. */
export function takeWarming(server: Server, askedAt: number, now: number): void {
  server.lastSeenAt = now;
  if (server.view.is !== "found") {
    server.view = { is: "unknown", reached: true };
  } else if (server.view.description.kind !== "router") {
    for (const instance of server.instances.values()) {
      if (askedAt > instance.commandedAt) followHealth(instance, "loading", now);
    }
  }
}

function nameless(server: Server): KnownModel {
  return { id: server.terms().defaultModel ?? NAMELESS, aliases: [], state: "loaded" };
}

function takeList(server: Server, models: readonly KnownModel[], askedAt: number): void {
  const listed = new Set<string>();
  for (const model of models) {
    listed.add(model.id);
    const instance = server.instances.get(model.id);
    if (instance === undefined) server.instances.set(model.id, new Instance(server, model));
    else {
      instance.listed = true;
      instance.describe(model);
    }
  }
  for (const instance of server.instances.values()) {
    // One that was commanded since is on the server, whatever an older list says.
    if (listed.has(instance.id) || askedAt <= instance.commandedAt) continue;
    instance.listed = false;
    instance.state = "unloaded";
    forgetResidency(instance);
    if (instance.leased === 0) server.instances.delete(instance.id);
  }
}

/** Whatever an instance was before the server was lost, only the server knows what it is now. */
function rediscover(instance: Instance): void {
  instance.state = "unloaded";
  instance.reason = undefined;
}

function followHealth(instance: Instance, health: "ready" | "loading", now: number): void {
  if (health === "ready" && instance.state !== "ready") becomeReady(instance, now);
  if (health === "loading" && instance.state !== "loading") becomeLoading(instance);
}

function followRouter(instance: Instance, listed: ServerModelState, reason: string | undefined, now: number): void {
  switch (listed) {
    case "loaded":
      return followLoaded(instance, now);
    case "loading":
      if (instance.state !== "loading") becomeLoading(instance);
      return;
    case "unloaded":
    case "failed":
      return followUnloaded(instance, reason, now);
  }
}

function followLoaded(instance: Instance, now: number): void {
  if (instance.state === "ready" || instance.state === "draining") return;
  // An unload that was not confirmed gets its back-off, for the server may yet do it.
  if (instance.held && now < instance.retryAt) return;
  becomeReady(instance, now);
}

function followUnloaded(instance: Instance, reason: string | undefined, now: number): void {
  switch (instance.state) {
    case "loading":
      return fail(instance, reason ?? "llama-server unloaded it while it was loading", now);
    case "ready":
      if (reason === undefined) return becomeUnloaded(instance);
      if (!instance.served) return fail(instance, reason, now);
      instance.server.lastError = { at: now, message: `${instance.id}: ${reason}` };
      return becomeUnloaded(instance);
    case "draining":
      return becomeUnloaded(instance);
    case "error":
      if (instance.held) becomeUnloaded(instance);
      return;
    case "unloaded":
      return;
  }
}

/** Takes the slot count where the server's description has it; else asks for it. */
function learnSlots(instance: Instance, totalSlots: number | undefined): void {
  if (instance.state !== "ready" || instance.server.terms().maxInflight > 0) return;
  if (totalSlots !== undefined) {
    instance.slots = totalSlots;
  } else if (instance.slots === undefined && !instance.askingCapacity) {
    instance.askingCapacity = true;
    instance.server.order("ask_capacity", instance.id);
  }
}
