import process from "node:process";
import type { Clock } from "../base/clock.ts";
import { backpressureCounter, type HttpMetrics, httpMetrics } from "./http_metrics.ts";
import { dispatchMetrics } from "./dispatch_metrics.ts";
import { inferenceMetrics } from "./inference_metrics.ts";
import type { InferenceObserver } from "./inference_observer.ts";
import { Counter, Gauge, Registry } from "./prometheus.ts";
import { type FleetFigures, statusMetrics } from "./status_metrics.ts";

/** What `createMetrics` needs to know. */
export interface MetricsOptions {
  /** The fleet's status, read at each scrape. */
  readonly status: () => FleetFigures;
  /** Whether the last try to reload the configuration failed; missing: it never is. */
  readonly reloadFailed?: () => boolean;
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
  /** The media type of what `render` gives. */
  readonly contentType: string;
  /** All metrics as Prometheus text. */
  render(): Promise<string>;
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
  const dispatch = dispatchMetrics(registry);
  const updateStatus = statusMetrics(registry);
  const updateProcess = processMetrics(registry, options.clock.wallTime());
  new Gauge({
    name: "modeld_build_info",
    help: "Always 1; the versions stand in the labels.",
    labelNames: ["version", "deno", "v8"],
    registers: [registry],
  }).set({ version: options.version, deno: Deno.version.deno, v8: Deno.version.v8 }, 1);
  const reload = new Gauge({
    name: "modeld_config_reload_failed",
    help: "1 while the last reload of the configuration failed, and an older one holds; else 0.",
    registers: [registry],
  });
  return {
    inferences: {
      started: inferences.started,
      ended(timeline, result) {
        inferences.ended(timeline, result);
        dispatch.ended(timeline, result);
        const kind = result.error?.kind;
        if (kind === "queue_full" || kind === "wait_timeout") backpressure(kind);
      },
    },
    http,
    contentType: registry.contentType,
    render() {
      const status = options.status();
      updateStatus(status);
      dispatch.keep(status.servers.map(({ name }) => name));
      updateProcess();
      reload.set(options.reloadFailed?.() === true ? 1 : 0);
      return registry.metrics();
    },
    describe: () => registry.getMetricsAsArray().map((metric) => describe(metric as unknown as PromClientMetric)),
  };
}

/** What prom-client's metrics have beyond its own type declarations. */
interface PromClientMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

function describe({ name, help, type, labelNames }: PromClientMetric): MetricDescription {
  return { name, help, type, labels: [...labelNames] };
}

/**
 * What the process uses, from what Deno tells without a permission: prom-client's own process metrics read /proc, which Deno
 * allows only with all permissions, and would show zeros. @returns what brings them up to date; called at each scrape.
 */
export function processMetrics(registry: Registry, startedWallTime: number): () => void {
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const cpu = new Counter({ name: "process_cpu_seconds_total", help: "User and system CPU time.", registers });
  const rss = gauge("process_resident_memory_bytes", "Resident memory.");
  const heapUsed = gauge("modeld_heap_used_bytes", "V8 heap in use.");
  const heapTotal = gauge("modeld_heap_total_bytes", "V8 heap reserved.");
  gauge("process_start_time_seconds", "When the process started, in Unix seconds.").set(startedWallTime / 1000);
  return () => {
    const { user, system } = process.cpuUsage();
    cpu.reset();
    cpu.inc((user + system) / 1e6);
    const memory = Deno.memoryUsage();
    rss.set(memory.rss);
    heapUsed.set(memory.heapUsed);
    heapTotal.set(memory.heapTotal);
  };
}
