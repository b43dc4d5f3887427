import { Counter, Histogram, type Registry } from "./prometheus.ts";
import { BUCKETS_SECONDS } from "../base/bucket_counts.ts";
import { FoldedHistogram } from "./folded_histogram.ts";
import type { InferenceObserver } from "./inference_observer.ts";

/** Metrics of inferences, all written at an inference's end: its stream fills only the timeline. */
export function inferenceMetrics(registry: Registry): InferenceObserver {
  const registers = [registry];
  const buckets = [...BUCKETS_SECONDS];
  const requests = new Counter({
    name: "modeld_requests_total",
    help: "Inferences that ended, by how (outcome) and where (stage). model is empty where none was resolved.",
    labelNames: ["model", "outcome", "stage"],
    registers,
  });
  const tokens = new Counter({
    name: "modeld_tokens_total",
    help: "Tokens of inferences that ended well, as llama-server counts them.",
    labelNames: ["model", "kind"],
    registers,
  });
  const estimatedTokens = new Counter({
    name: "modeld_tokens_estimated_total",
    help: "Those of modeld_tokens_total that are llama-server's count of one task times the tasks of the request.",
    labelNames: ["model", "kind"],
    registers,
  });
  const firstToken = new Histogram({
    name: "modeld_time_to_first_token_seconds",
    help: "From a request's arrival to its first fragment, queue and load included.",
    labelNames: ["model"],
    buckets,
    registers,
  });
  const interToken = new FoldedHistogram(
    "modeld_inter_token_seconds",
    "Between one fragment's arrival and the next's; fragments that arrive together are 0 apart.",
  );
  registry.registerMetric(interToken.asMetric());
  const queueWait = new Histogram({
    name: "modeld_queue_wait_seconds",
    help: "Time a request waited for a slot, its model's load not included.",
    labelNames: ["model", "priority"],
    buckets,
    registers,
  });
  const slotSeconds = new Counter({
    name: "modeld_client_slot_seconds_total",
    help: "Time on slots, of ended inferences. client is a name of the configuration, or other.",
    labelNames: ["client", "model"],
    registers,
  });
  const clientTokens = new Counter({
    name: "modeld_client_tokens_total",
    help: "Tokens of a client's inferences that ended well, as llama-server counts them.",
    labelNames: ["client", "kind"],
    registers,
  });
  const rejected = new Counter({
    name: "modeld_client_rejected_total",
    help: "Inferences of a client that were turned away; reason is the error's type.",
    labelNames: ["client", "reason"],
    registers,
  });
  const overhead = new Histogram({
    name: "modeld_overhead_seconds",
    help:
      "What modeld itself cost: a request's time from its body's last byte, minus the time it waited for llama-server.",
    buckets,
    registers,
  });
  return {
    started() {},
    ended(timeline, { outcome, usage, usageIsEstimated, error }) {
      const { client } = timeline;
      const model = timeline.model ?? "";
      requests.inc({ model, outcome, stage: timeline.stage });
      overhead.observe(timeline.overhead / 1000);
      if (outcome === "rejected" && error !== undefined) rejected.inc({ client, reason: error.kind });
      if (timeline.model === undefined) return;
      if (timeline.slotMs > 0) slotSeconds.inc({ client, model }, timeline.slotMs / 1000);
      queueWait.observe({ model, priority: timeline.priority }, timeline.spent("queue") / 1000);
      if (timeline.timeToFirstToken !== undefined) firstToken.observe({ model }, timeline.timeToFirstToken / 1000);
      if (timeline.fragments > 1) interToken.fold(model, timeline.gaps);
      if (usage !== undefined) {
        tokens.inc({ model, kind: "prompt" }, usage.promptTokens);
        tokens.inc({ model, kind: "completion" }, usage.completionTokens);
        if (usageIsEstimated) {
          estimatedTokens.inc({ model, kind: "prompt" }, usage.promptTokens);
          estimatedTokens.inc({ model, kind: "completion" }, usage.completionTokens);
        }
        clientTokens.inc({ client, kind: "prompt" }, usage.promptTokens);
        clientTokens.inc({ client, kind: "completion" }, usage.completionTokens);
      }
    },
  };
}
