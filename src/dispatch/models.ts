import { clip } from "../base/clip.ts";
import { ModeldError } from "../base/errors.ts";
import { LinkedList } from "../base/list.ts";
import type { Instance } from "../upstream/instance.ts";
import { resolveModel } from "../upstream/model_names.ts";
import { ModelEstimates } from "./estimates.ts";
import { FairQueue } from "./fair_queue.ts";
import type { QueuedRequest } from "./request.ts";
import { modelNotFound } from "./refusals.ts";
import type { FleetState } from "./state.ts";

/** How long others may start in place of a request that needs more slots than are free, in ms. */
const MAX_PASSED = 2_000;

/** One model on all servers that have it, with its queue. */
export class Model {
  /** The id that the first server has for it. */
  readonly id: string;
  readonly instances: Instance[] = [];
  /** Requests that wait for slots. */
  readonly queue: FairQueue<QueuedRequest>;
  /** Requests without a slot that wait for the model to be ready. */
  readonly calls = new LinkedList<QueuedRequest>();
  readonly estimates = new ModelEstimates();
  /** Queued requests that wait for a server that has their prompt in its cache. */
  readonly held = new Set<QueuedRequest>();
  /** What its queued requests wait for. */
  stage: "queue" | "load" = "load";
  /** Why there is no room for it, where it waits for other models to end. */
  blocked: string | undefined;

  constructor(id: string, state: FleetState) {
    this.id = id;
    this.queue = new FairQueue(
      () => ({ ageing: state.terms().priorityAgeing, maxPassed: MAX_PASSED }),
      state.clients,
    );
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.queue.size + this.calls.size;
  }

  /** Every request that waits. */
  *requests(): Generator<QueuedRequest, void, undefined> {
    for (const { request } of this.queue.waiting()) yield request;
    yield* this.calls.toArray();
  }

  /** The one that came first, of those that wait. */
  get oldest(): QueuedRequest | undefined {
    const call = this.calls.first;
    const oldest = this.queue.oldest;
    if (call === undefined || oldest === undefined) return call ?? oldest;
    return call.sequence < oldest.sequence ? call : oldest;
  }

  add(instance: Instance): void {
    this.instances.push(instance);
    instance.queued = this.waiting;
  }

  /** Instances on servers that are there and have not failed. */
  usable(now: number): Instance[] {
    return this.instances.filter((instance) =>
      instance.listed && instance.server.view.is === "found" && !instance.server.isLeaving &&
      (instance.state !== "error" || instance.mayRetry(now))
    );
  }

  /** Slots of all its instances that are ready; of one where none is. */
  get slots(): number {
    return this.#sum((instance) => instance.capacity);
  }

  /** Those of them that are not leased. */
  get free(): number {
    return this.#sum((instance) => Math.max(0, instance.capacity - instance.leased));
  }

  /** Slots of its instances that are leased. */
  get leased(): number {
    return this.instances.reduce((sum, instance) => sum + instance.leased, 0);
  }

  /** Queued requests beyond the free slots: those that would wait even if the model were ready everywhere. */
  get depth(): number {
    return Math.max(0, this.queue.size - this.free);
  }

  /** How long a request holds a slot, on recent average over its instances, in ms; undefined before the first ended. */
  get service(): number | undefined {
    const known = this.instances.flatMap(({ times: { service } }) => service === undefined ? [] : [service]);
    return known.length === 0 ? undefined : known.reduce((sum, service) => sum + service, 0) / known.length;
  }

  /** How long a request that comes now is expected to wait for a slot, in ms; undefined before the first has ended. */
  get expectedWait(): number | undefined {
    const { service } = this;
    const ahead = Math.max(0, this.queue.size + 1 - this.free);
    return service === undefined ? undefined : ahead * service / Math.max(1, this.slots);
  }

  #sum(of: (instance: Instance) => number): number {
    const ready = this.instances.filter(({ isReady }) => isReady);
    const counted = ready.length > 0 ? ready : this.instances.slice(0, 1);
    return counted.reduce((sum, instance) => sum + of(instance), 0);
  }

  /** Says on the instances how many wait for them. */
  countQueued(): void {
    const { waiting } = this;
    for (const instance of this.instances) instance.queued = waiting;
  }
}

/** Finds the model for a name; without a name the default model, else the only one. */
export function route(state: FleetState, requested: string | undefined): Model | ModeldError {
  const name = requested || state.terms().defaultModel;
  const models = [...state.models.values()];
  const only = models.length === 1 ? models[0] : undefined;
  if (name === undefined) {
    return only ?? modelNotFound("none was named and there is no default; name one, or set --default-model");
  }
  const listed = models.flatMap(({ instances }) => instances.filter(({ server }) => server.hasList));
  const resolution = resolveModel(name, listed);
  const matches = resolution.kind === "ambiguous" ? resolution.candidates : [];
  const found = resolution.kind === "found" ? modelOf(state, resolution.model) : onlyOne(state, matches);
  if (found !== undefined) return found;
  // A server without a list takes any name.
  const nameless = models.find(({ instances }) => instances.some(({ server }) => !server.hasList));
  if (nameless !== undefined) return nameless;
  return resolution.kind === "ambiguous"
    ? modelNotFound(
      `${clip(name)} may be any of ${clip([...new Set(matches.map(({ id }) => id))].join(", "))}; name one`,
    )
    : modelNotFound(`${clip(name)}; GET /models lists those that llama-server has`);
}

/** What a server is asked for: its own id of the model; on a server without a list the name as the client sent it. */
export function upstreamModel(state: FleetState, request: QueuedRequest, instance: Instance): string | undefined {
  return instance.server.hasList ? instance.id : request.requested || state.terms().defaultModel;
}

function modelOf(state: FleetState, instance: Instance): Model | undefined {
  return [...state.models.values()].find(({ instances }) => instances.includes(instance));
}

function onlyOne(state: FleetState, instances: readonly Instance[]): Model | undefined {
  const models = new Set(instances.map((instance) => modelOf(state, instance)));
  return models.size === 1 ? [...models][0] : undefined;
}

/**
 * Groups the instances of all servers into models anew, where any list has changed: instances that share an id or an
 * alias are one model.
 *
 * @returns queued requests whose name means another model now, or none
 */
export function regroup(state: FleetState): readonly QueuedRequest[] {
  const listed = [...state.servers.values()].flatMap((server) => server.isLeaving ? [] : server.listed);
  const signature = listed.map(({ server, id, aliases }) => [server.id, id, ...aliases].join("\n")).join("\n\n");
  if (signature === state.grouping) return [];
  state.grouping = signature;

  const before = new Map(state.models);
  for (const { instances } of before.values()) instances.length = 0;
  state.models.clear();
  for (const server of state.servers.values()) for (const instance of server.instances.values()) instance.queued = 0;
  const byName = new Map<string, Model>();
  for (const instance of listed) {
    const names = [instance.id, ...instance.aliases];
    const known = new Set(names.flatMap((name) => byName.get(name) ?? []));
    const model = [...known][0] ?? before.get(instance.id) ?? new Model(instance.id, state);
    for (const other of known) if (other !== model) merge(state, byName, other, model);
    state.models.set(model.id, model);
    model.add(instance);
    for (const name of names) byName.set(name, model);
  }
  return [...before.values()].flatMap((model) => [...model.requests()])
    .filter((request) => route(state, request.requested) !== request.model)
    .sort((a, b) => a.sequence - b.sequence);
}

function merge(state: FleetState, byName: Map<string, Model>, from: Model, into: Model): void {
  for (const instance of from.instances) into.add(instance);
  for (const [name, model] of byName) if (model === from) byName.set(name, into);
  state.models.delete(from.id);
}
