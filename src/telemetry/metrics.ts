import process from "node:process";
import type { Clock } from "../base/clock.ts";
import { backpressureCounter, type HttpMetrics, httpMetrics } from "./http_metrics.ts";
import { inferenceMetrics } from "./inference_metrics.ts";
import type { InferenceObserver } from "./inference_observer.ts";
import { type LoadFigures, loadMetrics } from "./load_metrics.ts";
import { Registry } from "./prometheus.ts";
import { type FleetFigures, type MetricsAliases, statusMetrics } from "./status_metrics.ts";

/** What `createMetrics` needs to know. */
export interface MetricsOptions {
  /** The fleet's status, read at each scrape. */
  readonly status: () => FleetFigures;
  /** Whether the last try to reload the configuration failed; missing: it never is. */
  readonly reloadFailed?: () => boolean;
  /** Missing: `none`. */
  readonly aliases?: MetricsAliases;
  /** modeld's own version. */
  readonly version: string;
  readonly clock: Clock;
}

/** All metrics of one daemon. */
export interface Metrics {
  /** To be told of every inference. */
  readonly inferences: InferenceObserver;
  /** To be told of every HTTP request. */
  readonly http: HttpMetrics;
  /** To be told of every event in a model's life. */
  readonly lifecycle: (change: LoadFigures) => void;
  /** All metrics as Prometheus text. */
  render(): string;
  /** What there is, for the documentation. */
  describe(): readonly MetricDescription[];
}

/** One metric as the documentation lists it. */
export interface MetricDescription {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labels: readonly string[];
}

/** Makes the metrics of one daemon, in a registry of their own. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const http = httpMetrics(registry);
  const backpressure = backpressureCounter(registry);
  const inferences = inferenceMetrics(registry);
  const updateStatus = statusMetrics(registry, options.aliases ?? "none");
  const lifecycle = loadMetrics(registry);
  const updateProcess = processMetrics(registry, options.clock.wallTime());
  registry.gauge({
    name: "modeld_build_info",
    help: "Always 1; the versions stand in the labels.",
    labelNames: ["version", "deno", "v8"],
  }).show([{ version: options.version, deno: Deno.version.deno, v8: Deno.version.v8 }, 1]);
  const reload = registry.gauge({
    name: "modeld_config_reload_failed",
    help: "1 while the last reload of the configuration failed, and an older one holds; else 0.",
  });
  return {
    inferences: {
      started: inferences.started,
      ended(timeline, result) {
        inferences.ended(timeline, result);
        const kind = result.error?.kind;
        if (kind === "queue_full" || kind === "wait_timeout") backpressure(kind);
      },
    },
    http,
    lifecycle,
    render() {
      const status = options.status();
      updateStatus(status);
      inferences.showServers(status.servers.map(({ name }) => name));
      updateProcess();
      reload.show([{}, options.reloadFailed?.() === true ? 1 : 0]);
      return registry.render();
    },
    describe: () =>
      registry.metrics.map(({ name, help, type, labelNames }) => ({ name, help, type, labels: [...labelNames] })),
  };
}

/** What the process uses, as Deno tells it without a permission. @returns what brings it up to date; called at each scrape. */
function processMetrics(registry: Registry, startedWallTime: number): () => void {
  const gauge = (name: string, help: string) => registry.gauge({ name, help });
  const cpu = registry.counter({ name: "process_cpu_seconds_total", help: "User and system CPU time." });
  const rss = gauge("process_resident_memory_bytes", "Resident memory.");
  const heapUsed = gauge("modeld_heap_used_bytes", "V8 heap in use.");
  const heapTotal = gauge("modeld_heap_total_bytes", "V8 heap reserved.");
  gauge("process_start_time_seconds", "When the process started, in Unix seconds.").show([{}, startedWallTime / 1000]);
  return () => {
    const { user, system } = process.cpuUsage();
    cpu.show([{}, (user + system) / 1e6]);
    const memory = Deno.memoryUsage();
    rss.show([{}, memory.rss]);
    heapUsed.show([{}, memory.heapUsed]);
    heapTotal.show([{}, memory.heapTotal]);
  };
}
