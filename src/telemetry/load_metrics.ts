import type { Registry } from "./prometheus.ts";

/** What metrics read from an event in a model's life; part of a line of `--events`. */
export interface LoadFigures {
  readonly event: string;
  readonly model?: string;
  readonly load_ms?: number;
}

/** Metrics of models' loads. @returns to be told of every event in a model's life */
export function loadMetrics(registry: Registry): (change: LoadFigures) => void {
  const duration = registry.histogram({
    name: "modeld_model_load_seconds",
    help: "How long loads took that succeeded.",
    labelNames: ["model"],
  });
  const failures = registry.counter({
    name: "modeld_model_load_failures_total",
    help: "Loads that failed, and models that died before they served anybody.",
    labelNames: ["model"],
  });
  return ({ event, model, load_ms }) => {
    if (model === undefined) return;
    if (event === "load_start") failures.add({ model }, 0);
    if (event === "load_failed") failures.add({ model });
    if (event === "load_done" && load_ms !== undefined) duration.observe({ model }, load_ms / 1000);
  };
}
