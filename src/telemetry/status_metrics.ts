import { Counter, Gauge, type Registry } from "./prometheus.ts";
import type { InstanceStatus, Status } from "../dispatch/status.ts";

/** Metrics that mirror `GET /status`. @returns what brings them up to date; called at each scrape. */
export function statusMetrics(registry: Registry): (status: Status) => void {
  const registers = [registry];
  const perModel = (name: string, help: string, read: (instance: InstanceStatus) => number) => {
    const gauge = new Gauge({ name, help, labelNames: ["model"], registers });
    return (instances: readonly InstanceStatus[]) => {
      gauge.reset();
      for (const instance of instances) gauge.set({ model: instance.model_id }, read(instance));
    };
  };
  const gauges = [
    perModel("modeld_queue_depth", "Requests that wait for a slot.", (i) => i.queue_len),
    perModel("modeld_inflight", "Generations that run.", (i) => i.inflight),
    perModel("modeld_slots", "Generations that may run at once; 0 while the model is not loaded.", (i) => i.slots),
  ];
  const loads = new Counter({ name: "modeld_model_loads_total", help: "Model loads that succeeded.", registers });
  const evictions = new Counter({
    name: "modeld_model_evictions_total",
    help: "Models unloaded to make room for another.",
    registers,
  });
  const up = new Gauge({
    name: "modeld_llama_server_up",
    help: "1 while llama-server can be reached, else 0.",
    registers,
  });
  return (status) => {
    for (const update of gauges) update(status.instances);
    setCounter(loads, status.loads_total);
    setCounter(evictions, status.evictions_total);
    up.set(status.server?.reachable === true ? 1 : 0);
  };
}

/** The manager owns the number; prom-client's counters can only be counted up from zero. */
function setCounter(counter: Counter, value: number): void {
  counter.reset();
  counter.inc(value);
}
