import { assert } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { Timeline } from "../../src/base/timeline.ts";
import { createMetrics, type Metrics } from "../../src/telemetry/metrics.ts";
import type { FleetFigures } from "../../src/telemetry/status_metrics.ts";

const MODELS = Array.from({ length: 50 }, (_, i) => `model-${i}`);
/** Inferences that end between two scrapes: 50 a second at ten scrapes a second. */
const BETWEEN = 5;
const ROUNDS = 100;
/** Measured 0.31 to 0.33 on 2.9.6; a tenth of the series has changed, and the rest is copied. */
const LIMIT = 0.5;

const FLEET: FleetFigures = {
  instances: MODELS.map((model_id, i) => ({
    model_id,
    server: `server-${i % 4}`,
    state: "ready",
    queue_len: i,
    max_queue_depth: 32,
    expected_wait_ms: 100 * i,
    inflight: 1,
    slots: 4,
  })),
  servers: ["server-0", "server-1", "server-2", "server-3"].map((name) => (
    { name, state: "ready", slots: 50, running: 12, vram_used_mb: 20_000, vram_budget_mb: 24_000 }
  )),
  clients: [{ name: "chat", waiting: 3, running: 9 }],
  loads_total: 50,
  evictions_total: 3,
};

Deno.test("a scrape costs what has happened since the last one, not what there is", () => {
  const metrics = modeld();
  metrics.render();
  let ours = Infinity;
  let whole = Infinity;
  let ended = 0;
  // The fastest of many rounds, taken in turns: a busy machine slows some of each, never only one side's best.
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < BETWEEN; i++) end(metrics, MODELS[ended++ % MODELS.length] ?? "");
    ours = Math.min(ours, timeOf(() => metrics.render()));
    const fresh = modeld();
    whole = Math.min(whole, timeOf(() => fresh.render()));
  }
  const ratio = ours / whole;
  const lines = metrics.render().split("\n").length;
  console.log(`${lines} lines: a scrape takes ${ours.toFixed(2)} ms, writing all of them ${whole.toFixed(2)} ms`);
  assert(ratio < LIMIT, `a scrape takes ${ratio.toFixed(2)} × writing every line anew; the limit is ${LIMIT}`);
});

/** Metrics of a modeld whose models have each served somebody. */
function modeld(): Metrics {
  const metrics = createMetrics({ status: () => FLEET, version: "1.2.3", clock: systemClock });
  for (const model of MODELS) end(metrics, model);
  return metrics;
}

/** One inference, from its arrival to its end. */
function end(metrics: Metrics, model: string): void {
  const timeline = new Timeline("r", systemClock);
  timeline.enter("queue");
  Object.assign(timeline, { model, server: "server-0" });
  timeline.enter("prefill");
  timeline.received(1);
  timeline.received(1);
  timeline.end();
  const usage = { promptTokens: 500, completionTokens: 100, totalTokens: 600 };
  const timings = { cache_n: 400, prompt_n: 100, predicted_per_second: 40 };
  metrics.inferences.ended(timeline, { outcome: "ok", status: 200, usage, timings });
  metrics.lifecycle({ event: "load_done", model, load_ms: 3_000 });
}

function timeOf(work: () => void): number {
  const begin = performance.now();
  work();
  return performance.now() - begin;
}
