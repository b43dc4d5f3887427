import { type Plan, planRoom } from "../upstream/budget.ts";
import type { Instance } from "../upstream/instance.ts";
import { beginLoad, beginUnload } from "../upstream/residency.ts";
import type { Server } from "../upstream/server.ts";
import { refuse } from "./admission.ts";
import type { Model } from "./models.ts";
import { insufficientVram } from "./refusals.ts";
import type { FleetState } from "./state.ts";

/** The first request of a model for which others would have to go waits this part of its max-wait, at most so long, in ms. */
const PATIENCE_PART = 4;
const LONGEST_PATIENCE = 10_000;
/** A loaded model stays at least this long, and at least as long as its load took, before others may displace it, in ms. */
const SHORTEST_STAY = 5_000;

/** Plans are tried in this order; `refuse` is last. */
const PREFERENCE: readonly Plan["kind"][] = ["load", "evict", "wait", "switch", "refuse"];

/** What was used within this time does not go for one more copy of another model, unless `idle_unload` says otherwise, in ms. */
const KEPT = 5 * 60_000;
/** How long a load is taken to last before any was seen, in ms. */
const LOAD_MS = 5_000;

/** Loads what requests wait for, in the order of their arrival, and makes room for it. */
export function placeLoads(state: FleetState, now: number): void {
  endVainYields(state);
  const blocked = new Set<Server>();
  for (const model of wanted(state)) {
    const { instance, plan } = bestPlan(model);
    model.blocked = plan.kind === "switch" ? plan.reason : undefined;
    if (plan.kind === "refuse") {
      for (const request of [...model.requests()]) refuse(state, request, insufficientVram(model, plan.reason), now);
    } else if (plan.kind === "switch") {
      if (displace(state, model, instance, plan, now)) blocked.add(instance.server);
    } else if (!blocked.has(instance.server) || isYieldedTo(instance)) {
      if (plan.kind === "load") beginLoad(instance, now);
      else blocked.add(instance.server);
      if (plan.kind !== "evict") continue;
      evict(plan.victims, instance, now);
    }
  }
  for (const model of state.models.values()) {
    if (model.queue.size > 0 && model.instances.length > 1) placeReplica(state, model, blocked, now);
  }
}

/**
 * Loads a model on one more server, where its queue is expected to wait for longer than the load takes, all its slots are
 * leased, and the room is free there or held by models that nobody has used for long. One load at a time.
 */
function placeReplica(state: FleetState, model: Model, blocked: ReadonlySet<Server>, now: number): void {
  const { maxReplicas } = state.terms();
  const there = model.instances.filter(({ holdsMemory }) => holdsMemory);
  const isReady = there.length > 0 && there.every((instance) => instance.isReady);
  if (!isReady || model.free > 0 || (maxReplicas > 0 && there.length >= maxReplicas)) return;
  const wait = (model.service ?? 0) * model.queue.size / Math.max(1, model.slots);
  for (const instance of model.instances) {
    if (!isLoadable(instance) || blocked.has(instance.server) || wait <= loadMsOf(instance, there)) continue;
    const plan = planRoom(instance);
    if (plan.kind === "load") return beginLoad(instance, now);
    if (plan.kind !== "evict") continue;
    const mayGo = Math.max(...plan.victims.map((victim) => victim.idleSince + keptFor(victim)));
    if (now >= mayGo) return evict(plan.victims, instance, now);
    state.reviewAt = Math.min(state.reviewAt, mayGo);
  }
}

/** How long the load is expected to take: as long as the last one there, else as the longest elsewhere. */
function loadMsOf({ loadMs }: Instance, elsewhere: readonly Instance[]): number {
  if (loadMs !== undefined) return loadMs;
  const known = elsewhere.flatMap(({ loadMs }) => loadMs ?? []);
  return known.length === 0 ? LOAD_MS : Math.max(...known);
}

function keptFor({ server }: Instance): number {
  return server.terms().idleUnload || KEPT;
}

function evict(victims: readonly Instance[], { id }: Instance, now: number): void {
  for (const victim of victims) beginUnload(victim, { kind: "evict", forModel: id }, now);
}

/** Models with queued requests that are loaded nowhere and that some router could load, the longest waiting first. */
function wanted(state: FleetState): readonly Model[] {
  const models: Model[] = [];
  for (const model of state.models.values()) {
    const isServed = model.instances.some((instance) => instance.isReady || instance.state === "loading");
    if (model.waiting > 0 && !isServed && model.instances.some(isLoadable)) models.push(model);
  }
  const oldest = ({ oldest }: Model): number => oldest?.sequence ?? Infinity;
  return models.length < 2 ? models : models.sort((a, b) => oldest(a) - oldest(b));
}

function isLoadable(instance: Instance): boolean {
  const { listed, server, state, isKnown } = instance;
  return listed && server.isRouter && !server.isLeaving && state === "unloaded" && isKnown;
}

/** The server on which the model can be loaded soonest: by what has to be done there, then by how little is leased there. */
function bestPlan(model: Model): { readonly instance: Instance; readonly plan: Plan } {
  const options = model.instances.filter(isLoadable).map((instance) => ({ instance, plan: planRoom(instance) }));
  const rank = ({ plan }: { readonly plan: Plan }): number => PREFERENCE.indexOf(plan.kind);
  const remaining = ({ plan }: { readonly plan: Plan }): number =>
    plan.kind === "switch" ? remainingWork(plan.victims) : 0;
  options.sort((a, b) =>
    rank(a) - rank(b) || remaining(a) - remaining(b) || a.instance.server.leased - b.instance.server.leased
  );
  const [best] = options;
  if (best === undefined) throw new Error("a model that no server can load was wanted");
  return best;
}

/**
 * Takes its turn for a model for which busy ones have to go: once its first request has waited long enough, nothing new is
 * started on the others, and when those that run have ended, they are unloaded. Requests that would not live to see that
 * are turned away at once.
 *
 * @returns whether the others are being drained
 */
function displace(
  state: FleetState,
  model: Model,
  instance: Instance,
  { victims, reason }: Extract<Plan, { readonly kind: "switch" }>,
  now: number,
): boolean {
  const first = model.oldest;
  if (first === undefined) return false;
  if (victims.some((victim) => victim.yieldsTo !== undefined)) return true;
  const patience = first.maxWait > 0 ? Math.min(first.maxWait / PATIENCE_PART, LONGEST_PATIENCE) : LONGEST_PATIENCE;
  const turn = Math.max(first.arrivedAt + patience, ...victims.map(mayGoAt));
  if (now < turn) {
    state.reviewAt = Math.min(state.reviewAt, turn);
    return false;
  }
  const switchMs = remainingWork(victims) + (instance.loadMs ?? 0);
  for (const request of [...model.requests()]) {
    if (now + switchMs > request.deadline) refuse(state, request, insufficientVram(model, reason, switchMs), now);
  }
  if (model.waiting === 0) return false;
  for (const victim of victims) victim.yieldsTo = instance.id;
  return true;
}

/** Whether a model of the same server drains for this one: nobody else can use that room, so nobody else's turn is due. */
function isYieldedTo({ id, server }: Instance): boolean {
  return server.instances.values().some(({ yieldsTo }) => yieldsTo === id);
}

/** When a loaded model may be displaced. */
function mayGoAt({ loadedAt = -Infinity, loadMs = 0 }: Instance): number {
  return loadedAt + Math.max(SHORTEST_STAY, loadMs);
}

/** How long what runs on these models is expected to go on, in ms: a request may just have begun. */
function remainingWork(victims: readonly Instance[]): number {
  return Math.max(0, ...victims.map(({ leased, times }) => leased > 0 ? times.service ?? 0 : 0));
}

/** A model that drains for another one goes on where nobody waits for the other any more. */
function endVainYields(state: FleetState): void {
  for (const server of state.servers.values()) {
    for (const instance of server.instances.values()) {
      if (instance.yieldsTo === undefined) continue;
      const heir = server.instances.get(instance.yieldsTo);
      if (heir === undefined || heir.queued === 0 || heir.state !== "unloaded") instance.yieldsTo = undefined;
    }
  }
}
