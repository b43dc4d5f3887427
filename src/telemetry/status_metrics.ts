import type { Gauge, Labels, Registry } from "./prometheus.ts";

/** What metrics show of one instance; part of `GET /status`. */
interface InstanceFigures {
  readonly model_id: string;
  readonly server: string;
  readonly state: string;
  readonly queue_len: number;
  readonly max_queue_depth: number;
  readonly expected_wait_ms?: number;
  readonly inflight: number;
  readonly slots: number;
  readonly slots_unconfirmed?: number;
}

/** What metrics show of one server; part of `GET /status`. */
interface ServerFigures {
  readonly name: string;
  readonly state: string;
  readonly slots: number;
  readonly running: number;
  readonly vram_used_mb: number;
  readonly vram_budget_mb: number;
}

/** What metrics show of the fleet; part of `GET /status`. */
export interface FleetFigures {
  readonly instances: readonly InstanceFigures[];
  readonly servers: readonly ServerFigures[];
  readonly clients: readonly { readonly name: string; readonly waiting: number; readonly running: number }[];
  readonly loads_total: number;
  readonly evictions_total: number;
}

/** Names of another server's metrics under which the totals stand as well; `none`: under modeld's alone. */
export type MetricsAliases = "none" | "vllm";

type Update = (status: FleetFigures) => void;

/** Metrics that mirror `GET /status`. @returns what brings them up to date; called at each scrape. */
export function statusMetrics(registry: Registry, aliases: MetricsAliases): Update {
  const updates = [
    poolMetrics(registry, aliases),
    modelMetrics(registry),
    clientMetrics(registry),
    loadCounters(registry),
    serverMetrics(registry),
  ];
  return (status) => {
    for (const update of updates) update(status);
  };
}

/** Totals without labels, for whoever balances or scales several modelds by three numbers each. */
function poolMetrics(registry: Registry, aliases: MetricsAliases): Update {
  const total = (name: string, alias: string, help: string) => {
    const names = aliases === "vllm" ? [name, alias] : [name];
    const gauges = names.map((name) => registry.gauge({ name, help }));
    return (value: number) => {
      for (const gauge of gauges) gauge.show([{}, value]);
    };
  };
  const waiting = total("modeld_pool_waiting", "vllm:num_requests_waiting", "Requests that wait, for whichever model.");
  const running = total("modeld_pool_running", "vllm:num_requests_running", "Requests that run, of whichever model.");
  const saturation = total(
    "modeld_pool_saturation",
    "vllm:kv_cache_usage_perc",
    "Busy slots of all slots, 0 to 1; 1 also where requests wait and there is no slot.",
  );
  return ({ clients, servers, instances }) => {
    const waits = sum(clients, (client) => client.waiting);
    const slots = sum(servers, (server) => server.slots);
    const busy = sum(servers, (server) => server.running) + sum(instances, (one) => one.slots_unconfirmed ?? 0);
    waiting(waits);
    running(sum(clients, (client) => client.running));
    if (slots > 0) saturation(Math.min(1, busy / slots));
    else saturation(waits > 0 ? 1 : 0);
  };
}

function modelMetrics(registry: Registry): Update {
  const gauge = (name: string, help: string) => registry.gauge({ name, help, labelNames: ["model"] });
  const queue = gauge("modeld_queue_depth", "Requests that wait for a slot.");
  const limit = gauge("modeld_queue_limit", "Requests that may wait for a slot.");
  const wait = gauge(
    "modeld_expected_wait_seconds",
    "How long a request that comes now is expected to wait for a slot; missing until one has ended.",
  );
  const inflight = gauge("modeld_inflight", "Generations that run.");
  const slots = gauge("modeld_slots", "Generations that may run at once; 0 while the model is not loaded.");
  const unconfirmed = gauge(
    "modeld_slots_unconfirmed",
    "Slots kept free because llama-server may still be generating for a client that left.",
  );
  const state = registry.gauge({
    name: "modeld_model_state",
    help: "1 for the state that a model has on a server: unloaded, loading, ready, draining or error.",
    labelNames: ["model", "server", "state"],
  });
  return ({ instances }) => {
    // A model has one queue for all servers, which each of its instances shows.
    queue.show(...rows(instances, (one) => one.queue_len));
    limit.show(...rows(instances, (one) => one.max_queue_depth));
    wait.show(
      ...instances.flatMap(({ model_id: model, expected_wait_ms: ms }) =>
        ms === undefined ? [] : [[{ model }, ms / 1000] as const]
      ),
    );
    showSums(inflight, instances, (one) => one.inflight);
    showSums(slots, instances, (one) => one.slots);
    showSums(unconfirmed, instances, (one) => one.slots_unconfirmed ?? 0);
    state.show(...instances.map((one) => [{ model: one.model_id, server: one.server, state: one.state }, 1] as const));
  };
}

function clientMetrics(registry: Registry): Update {
  const queue = registry.gauge({
    name: "modeld_client_queue_depth",
    help: "Requests of a client that wait, for whichever model.",
    labelNames: ["client"],
  });
  return ({ clients }) => queue.show(...clients.map(({ name: client, waiting }) => [{ client }, waiting] as const));
}

function loadCounters(registry: Registry): Update {
  const loads = registry.counter({ name: "modeld_model_loads_total", help: "Model loads that succeeded." });
  const evictions = registry.counter({
    name: "modeld_model_evictions_total",
    help: "Models unloaded to make room for another.",
  });
  return ({ loads_total, evictions_total }) => {
    loads.show([{}, loads_total]);
    evictions.show([{}, evictions_total]);
  };
}

function serverMetrics(registry: Registry): Update {
  const up = registry.gauge({
    name: "modeld_llama_server_up",
    help: "1 while any llama-server can be reached, else 0.",
  });
  const gauge = (name: string, help: string) => registry.gauge({ name, help, labelNames: ["server"] });
  const serverUp = gauge("modeld_server_up", "1 while this llama-server can be reached, else 0.");
  const slots = registry.gauge({
    name: "modeld_server_slots",
    help: "Slots of the models that are ready on this llama-server, busy and free.",
    labelNames: ["server", "state"],
  });
  const used = gauge("modeld_vram_used_bytes", "Memory that this llama-server's loaded models take, as estimated.");
  const budget = gauge("modeld_vram_budget_bytes", "Memory that its models may take; 0: no limit.");
  return ({ servers }) => {
    up.show([{}, servers.some(isUp) ? 1 : 0]);
    serverUp.show(...servers.map((server) => [{ server: server.name }, isUp(server) ? 1 : 0] as const));
    slots.show(...servers.flatMap(({ name: server, slots, running }) => [
      [{ server, state: "busy" }, running] as const,
      [{ server, state: "free" }, Math.max(0, slots - running)] as const,
    ]));
    used.show(...servers.map(({ name: server, vram_used_mb }) => [{ server }, vram_used_mb * MB] as const));
    budget.show(...servers.map(({ name: server, vram_budget_mb }) => [{ server }, vram_budget_mb * MB] as const));
  };
}

const MB = 2 ** 20;

function isUp({ state }: ServerFigures): boolean {
  return state === "ready";
}

function rows(
  instances: readonly InstanceFigures[],
  of: (instance: InstanceFigures) => number,
): (readonly [Labels<"model">, number])[] {
  return instances.map((instance) => [{ model: instance.model_id }, of(instance)] as const);
}

/** Of a model that is on several servers the sum. */
function showSums(
  gauge: Gauge<"model">,
  instances: readonly InstanceFigures[],
  of: (instance: InstanceFigures) => number,
): void {
  const sums = new Map<string, number>();
  for (const one of instances) sums.set(one.model_id, (sums.get(one.model_id) ?? 0) + of(one));
  gauge.show(...Array.from(sums, ([model, value]) => [{ model }, value] as const));
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
