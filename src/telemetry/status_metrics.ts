import { Counter, Gauge, type Registry } from "./prometheus.ts";

/** What metrics show of one instance; part of `GET /status`. */
interface InstanceFigures {
  readonly model_id: string;
  readonly queue_len: number;
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
}

/** What metrics show of the fleet; part of `GET /status`. */
export interface FleetFigures {
  readonly instances: readonly InstanceFigures[];
  readonly servers: readonly ServerFigures[];
  readonly clients: readonly { readonly name: string; readonly waiting: number }[];
  readonly loads_total: number;
  readonly evictions_total: number;
}

/** Metrics that mirror `GET /status`. @returns what brings them up to date; called at each scrape. */
export function statusMetrics(registry: Registry): (status: FleetFigures) => void {
  const registers = [registry];
  const perModel = (name: string, help: string, read: (instance: InstanceFigures) => number) => {
    const gauge = new Gauge({ name, help, labelNames: ["model"], registers });
    return (instances: readonly InstanceFigures[]) => {
      gauge.reset();
      for (const instance of instances) gauge.inc({ model: instance.model_id }, read(instance));
    };
  };
  const queue = new Gauge({
    name: "modeld_queue_depth",
    help: "Requests that wait for a slot.",
    labelNames: ["model"],
    registers,
  });
  const gauges = [
    (instances: readonly InstanceFigures[]) => {
      queue.reset();
      // A model has one queue for all servers, which each of its instances shows.
      for (const { model_id: model, queue_len } of instances) queue.set({ model }, queue_len);
    },
    perModel("modeld_inflight", "Generations that run.", (i) => i.inflight),
    perModel("modeld_slots", "Generations that may run at once; 0 while the model is not loaded.", (i) => i.slots),
    perModel(
      "modeld_slots_unconfirmed",
      "Slots kept free because llama-server may still be generating for a client that left.",
      (i) => i.slots_unconfirmed ?? 0,
    ),
  ];
  const clientQueue = new Gauge({
    name: "modeld_client_queue_depth",
    help: "Requests of a client that wait, for whichever model.",
    labelNames: ["client"],
    registers,
  });
  const loads = new Counter({ name: "modeld_model_loads_total", help: "Model loads that succeeded.", registers });
  const evictions = new Counter({
    name: "modeld_model_evictions_total",
    help: "Models unloaded to make room for another.",
    registers,
  });
  const up = new Gauge({
    name: "modeld_llama_server_up",
    help: "1 while any llama-server can be reached, else 0.",
    registers,
  });
  const serverUp = new Gauge({
    name: "modeld_server_up",
    help: "1 while this llama-server can be reached, else 0.",
    labelNames: ["server"],
    registers,
  });
  const serverSlots = new Gauge({
    name: "modeld_server_slots",
    help: "Slots of the models that are ready on this llama-server, busy and free.",
    labelNames: ["server", "state"],
    registers,
  });
  return (status) => {
    for (const update of gauges) update(status.instances);
    clientQueue.reset();
    for (const { name, waiting } of status.clients) clientQueue.set({ client: name }, waiting);
    setCounter(loads, status.loads_total);
    setCounter(evictions, status.evictions_total);
    serverUp.reset();
    serverSlots.reset();
    for (const { name: server, state, slots, running } of status.servers) {
      serverUp.set({ server }, state === "ready" ? 1 : 0);
      serverSlots.set({ server, state: "busy" }, running);
      serverSlots.set({ server, state: "free" }, Math.max(0, slots - running));
    }
    up.set(status.servers.some(({ state }) => state === "ready") ? 1 : 0);
  };
}

/** The dispatcher owns the number; prom-client's counters can only be counted up from zero. */
function setCounter(counter: Counter, value: number): void {
  counter.reset();
  counter.inc(value);
}
