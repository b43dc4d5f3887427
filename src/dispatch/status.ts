import { publicName } from "../base/client.ts";
import type { Clock } from "../base/clock.ts";
import { ModeldError } from "../base/errors.ts";
import type { ServerKind } from "../llama/llama_server.ts";
import { usedMb } from "../upstream/budget.ts";
import { quantizationOf } from "../upstream/gguf/file_type.ts";
import type { Instance, InstanceState } from "../upstream/instance.ts";
import { stem } from "../upstream/model_names.ts";
import type { Server } from "../upstream/server.ts";
import type { CatalogModel, ModelInfo, QueuePlace } from "./fleet.ts";
import { type Model, route } from "./models.ts";
import type { QueuedRequest } from "./request.ts";
import { type FleetState, isAnyUnknown, isEmpty } from "./state.ts";

/** What `GET /readyz` answers. */
export type Readiness = "ready" | "loading" | "unreachable" | "not configured" | "draining";

/** One instance in `GET /status`. Times are Unix seconds, sizes MB (2^20 bytes). */
export interface InstanceStatus {
  readonly model_id: string;
  /** The name of its server. */
  readonly server: string;
  readonly state: InstanceState;
  readonly last_used_unix: number;
  readonly est_vram_mb: number;
  /** Where the estimate comes from. */
  readonly est_source: "file" | "server" | "unknown";
  /** Requests waiting for the model, on whichever server, for which there is no free slot. */
  readonly queue_len: number;
  /** Slots that are leased, and requests for which the model is being made ready. */
  readonly inflight: number;
  readonly max_queue_depth: number;
  /** How long a request that comes now is expected to wait for a slot; missing until one has ended. */
  readonly expected_wait_ms?: number;
  /** Requests in flight at most. */
  readonly slots: number;
  /** Those that are kept free because llama-server may still be generating for a client that left. */
  readonly slots_unconfirmed?: number;
  /** Median time from arrival to a slot, of the last 64 requests that got one. */
  readonly queue_wait_ms_p50: number;
  readonly loaded_since_unix?: number;
  /** When modeld asked for the load that goes on; missing where another did. */
  readonly loading_since_unix?: number;
  /** Why the state is `error`. */
  readonly reason?: string;
}

/** One llama-server in `GET /status`. */
export interface ServerStatus {
  readonly name: string;
  /** Without secrets. */
  readonly url: string;
  /** `unknown`: it has not said what it is yet. */
  readonly state: "ready" | "lost" | "unknown";
  readonly kind?: ServerKind;
  readonly build?: string;
  /** Slots of all models that are ready there. */
  readonly slots: number;
  /** Those of them that are leased. */
  readonly running: number;
  /** Median time from arrival to a slot there. */
  readonly queue_wait_ms: number;
  /** What its loaded models take, as estimated. */
  readonly vram_used_mb: number;
  /** What they may take; 0: no limit. */
  readonly vram_budget_mb: number;
  readonly last_seen_unix?: number;
  readonly last_error?: string;
}

/** What waits and runs of one client, over all models. */
export interface ClientStatus {
  /** Its name in the configuration; `other` for all that are known by their address. */
  readonly name: string;
  /** Requests that wait. */
  readonly waiting: number;
  /** Requests that run. */
  readonly running: number;
}

/** The answer of `GET /status`, field by field as the public contract has it. */
export interface Status {
  readonly instances: readonly InstanceStatus[];
  readonly servers: readonly ServerStatus[];
  /** Those of whom anything waits or runs. */
  readonly clients: readonly ClientStatus[];
  readonly budget_mb: number;
  readonly used_est_mb: number;
  readonly margin_mb: number;
  /** What `/readyz` says, in the words for an instance: `error` when llama-server is unreachable or not configured. */
  readonly state: InstanceState;
  readonly uptime_seconds: number;
  readonly server_time_unix: number;
  readonly evictions_total: number;
  readonly loads_total: number;
  readonly warmups_in_progress: number;
  readonly draining_count: number;
  readonly error?: string;
  readonly last_error?: string;
}

/** What `GET /status` answers, made from the state at this moment. */
export function buildStatus(state: FleetState, clock: Clock, startedAt: number): Status {
  const now = clock.now();
  const servers = [...state.servers.values()];
  const instances = servers.flatMap((server) => [...server.instances.values()]);
  const readiness = readinessOf(state, now);
  const error = readiness === "unreachable" || readiness === "not configured" ? whyNot(state) : undefined;
  const lastError = servers.flatMap((server) => server.lastError ?? []).sort((a, b) => b.at - a.at)[0];
  /** The moment of the clock as Unix seconds. */
  const unix = (at: number): number => Math.floor((clock.wallTime() - (now - at)) / 1_000);
  const terms = state.terms();
  return {
    instances: instances.map((instance) => instanceStatus(state, instance, unix)),
    servers: servers.map((server) => serverStatus(server, unix)),
    clients: clientStatus(state),
    budget_mb: sum(servers, (server) => server.terms().vramBudgetMb) || terms.vramBudgetMb,
    used_est_mb: usedMb(instances),
    margin_mb: terms.vramMarginMb,
    state: STATES[readiness],
    uptime_seconds: Math.floor((now - startedAt) / 1_000),
    server_time_unix: unix(now),
    evictions_total: sum(servers, ({ evictions }) => evictions),
    loads_total: sum(servers, ({ loads }) => loads),
    warmups_in_progress: instances.filter((instance) => instance.state === "loading").length,
    draining_count: instances.filter((instance) => instance.state === "draining").length,
    ...(error !== undefined && { error }),
    ...(lastError !== undefined && { last_error: lastError.message }),
  };
}

function clientStatus(state: FleetState): readonly ClientStatus[] {
  const counts = new Map<string, { waiting: number; running: number }>();
  const count = (request: QueuedRequest, what: "waiting" | "running"): void => {
    const name = publicName(request.client);
    const its = counts.get(name) ?? { waiting: 0, running: 0 };
    its[what]++;
    counts.set(name, its);
  };
  for (const request of state.unrouted) count(request, "waiting");
  for (const model of state.models.values()) for (const request of model.requests()) count(request, "waiting");
  for (const request of state.running.toArray()) count(request, "running");
  return [...counts].map(([name, its]) => ({ name, ...its }));
}

/** What `/readyz` says, in the words for an instance. */
const STATES: Readonly<Record<Readiness, InstanceState>> = {
  ready: "ready",
  loading: "loading",
  draining: "draining",
  unreachable: "error",
  "not configured": "error",
};

function instanceStatus(state: FleetState, instance: Instance, unix: (at: number) => number): InstanceStatus {
  const { lastUsedAt, loadedAt, loadStartedAt, reason } = instance;
  const model = modelOf(state, instance);
  const free = Math.max(0, instance.capacity - instance.leased - instance.unconfirmed);
  const wait = model?.expectedWait;
  return {
    model_id: instance.id,
    server: instance.server.id,
    state: instance.state,
    last_used_unix: lastUsedAt === undefined ? 0 : unix(lastUsedAt),
    est_vram_mb: instance.estimate.mb,
    est_source: instance.estimate.source,
    queue_len: model?.depth ?? 0,
    inflight: instance.leased + (model?.instances[0] === instance ? Math.min(instance.queued, free) : 0),
    max_queue_depth: state.terms().maxQueueDepth,
    ...(wait !== undefined && { expected_wait_ms: Math.round(wait) }),
    slots: instance.capacity,
    ...(instance.unconfirmed > 0 && { slots_unconfirmed: instance.unconfirmed }),
    queue_wait_ms_p50: Math.round(instance.times.waitMedian),
    ...(loadedAt !== undefined && { loaded_since_unix: unix(loadedAt) }),
    ...(loadStartedAt !== undefined && { loading_since_unix: unix(loadStartedAt) }),
    ...(reason !== undefined && { reason }),
  };
}

function serverStatus(server: Server, unix: (at: number) => number): ServerStatus {
  const { view, lastSeenAt, lastError } = server;
  const ready = [...server.instances.values()].filter(({ isReady }) => isReady);
  const description = view.is === "found" ? view.description : undefined;
  return {
    name: server.id,
    url: server.url,
    state: view.is === "found" ? "ready" : view.is,
    ...(description !== undefined && { kind: description.kind }),
    ...(description?.build !== undefined && { build: description.build }),
    slots: sum(ready, ({ capacity }) => capacity),
    running: server.leased,
    queue_wait_ms: Math.round(Math.max(0, ...ready.map(({ times }) => times.waitMedian))),
    vram_used_mb: usedMb(server.instances.values()),
    vram_budget_mb: server.terms().vramBudgetMb,
    ...(lastSeenAt !== undefined && { last_seen_unix: unix(lastSeenAt) }),
    ...(lastError !== undefined && { last_error: lastError.message }),
  };
}

/** Whether a request for the default model would be served. */
export function readinessOf(state: FleetState, now: number): Readiness {
  if (state.lifecycle === "draining" || state.lifecycle === "closed") return "draining";
  if (isEmpty(state)) return state.absence.kind === "not_configured" ? "not configured" : "unreachable";
  const servers = [...state.servers.values()].filter(({ isLeaving }) => !isLeaving);
  if (servers.every(({ view }) => view.is === "lost")) return "unreachable";
  if (state.lifecycle === "starting") return "loading";

  const model = route(state, undefined);
  if (model instanceof ModeldError) {
    if (isAnyUnknown(state)) return "loading";
    // Without a default model every request names its own.
    return state.terms().defaultModel === undefined && state.models.size > 0 ? "ready" : "not configured";
  }
  if (model.instances.every(({ server }) => server.view.is === "lost")) return "unreachable";
  return model.usable(now).some(mayServe) ? "ready" : "loading";
}

/** It serves, or only a request is needed to make it serve. */
function mayServe(instance: Instance): boolean {
  return instance.isReady || instance.server.isRouter;
}

function whyNot(state: FleetState): string {
  for (const { view } of state.servers.values()) if (view.is === "lost") return view.error.message;
  return isEmpty(state) ? state.absence.message : "the default model is not on llama-server";
}

/** Where those stand that wait for a slot. */
export function queuePlacesOf(state: FleetState, now: number): readonly QueuePlace[] {
  return [...state.models.values()].flatMap(({ queue, service, slots }) =>
    Array.from(queue.inOrder(now), ({ request: { timeline } }, ahead) => ({
      timeline,
      position: ahead + 1,
      ...service !== undefined && { expectedWaitMs: Math.round((ahead + 1) * service / Math.max(1, slots)) },
    }))
  );
}

/** What `GET /models` answers: the models of the servers' last lists, each once. */
export function listModels(state: FleetState): readonly ModelInfo[] {
  return [...state.models.values()].flatMap(({ instances }) => instances.slice(0, 1).map(modelInfo));
}

/** The same models as OpenAI's API lists them. */
export function catalogOf(state: FleetState, clock: Clock, startedAt: number): readonly CatalogModel[] {
  const now = clock.now();
  return [...state.models.values()].map(({ id, instances }) => {
    const first = instances.find(({ isReady }) => isReady) ?? instances[0];
    const contextLength = first?.model.contextLength;
    const names = new Set(instances.flatMap((instance) => [instance.id, ...instance.aliases]));
    names.delete(id);
    return {
      id,
      aliases: [...names],
      state: first?.state === "ready" ? "loaded" : first?.state ?? "unloaded",
      ...(contextLength !== undefined && { contextLength }),
      sinceUnix: Math.floor((clock.wallTime() - (now - (first?.loadedAt ?? startedAt))) / 1_000),
    };
  });
}

function modelInfo({ id, model: { path = pathIn(id), file } }: Instance): ModelInfo {
  return {
    id,
    name: stem(path === "" ? id : path),
    path,
    quant: file?.quantization ?? quantizationOf(undefined, stem(path)) ?? "",
    ...(file?.family !== undefined && { family: file.family }),
  };
}

/** A single server without an alias calls its model by the path that it was started with. */
function pathIn(id: string): string {
  return id.endsWith(".gguf") ? id : "";
}

function modelOf(state: FleetState, instance: Instance): Model | undefined {
  return [...state.models.values()].find(({ instances }) => instances.includes(instance));
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
