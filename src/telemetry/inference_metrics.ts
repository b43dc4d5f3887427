import type { JsonObject } from "../base/json.ts";
import type { Timeline } from "../base/timeline.ts";
import type { InferenceObserver, InferenceResult } from "./inference_observer.ts";
import type { Registry } from "./prometheus.ts";

/** Upper bounds of lengths, in tokens, and of a stream's rate, in tokens a second. */
const LENGTHS = [16, 64, 256, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072];
const RATES = [1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1_000];

/** Metrics of inferences, all written at an inference's end: its stream fills only the timeline. */
export function inferenceMetrics(registry: Registry): InferenceObserver {
  const requests = registry.counter({
    name: "modeld_requests_total",
    help: "Inferences that ended, by how (outcome) and where (stage). model is empty where none was resolved.",
    labelNames: ["model", "outcome", "stage"],
  });
  const errors = registry.counter({
    name: "modeld_errors_total",
    help: "Inferences that ended with an error, by its type beside the outcome.",
    labelNames: ["model", "outcome", "type"],
  });
  const tokens = registry.counter({
    name: "modeld_tokens_total",
    help: "Tokens of inferences that ended well, as llama-server counts them.",
    labelNames: ["model", "kind"],
  });
  const estimatedTokens = registry.counter({
    name: "modeld_tokens_estimated_total",
    help: "Those of modeld_tokens_total that are llama-server's count of one task times the tasks of the request.",
    labelNames: ["model", "kind"],
  });
  const firstToken = registry.histogram({
    name: "modeld_time_to_first_token_seconds",
    help: "From a request's arrival to its first fragment, queue and load included.",
    labelNames: ["model"],
  });
  const interToken = registry.histogram({
    name: "modeld_inter_token_seconds",
    help: "Between one fragment's arrival and the next's; fragments that arrive together are 0 apart.",
    labelNames: ["model"],
  });
  const rate = registry.histogram({
    name: "modeld_stream_tokens_per_second",
    help: "Tokens a second of one stream: as llama-server measured, else fragments as they came.",
    labelNames: ["model"],
    buckets: RATES,
  });
  const queueWait = registry.histogram({
    name: "modeld_queue_wait_seconds",
    help: "Time a request waited for a slot, its model's load not included.",
    labelNames: ["model", "priority"],
  });
  const lengths = {
    prompt: registry.histogram({
      name: "modeld_prompt_length_tokens",
      help: "Tokens of a prompt, of inferences that ended well.",
      labelNames: ["model"],
      buckets: LENGTHS,
    }),
    answer: registry.histogram({
      name: "modeld_answer_length_tokens",
      help: "Tokens of an answer, of inferences that ended well.",
      labelNames: ["model"],
      buckets: LENGTHS,
    }),
  };
  const dispatch = dispatchMetrics(registry);
  const client = clientMetrics(registry);
  const overhead = registry.histogram({
    name: "modeld_overhead_seconds",
    help:
      "What modeld itself cost: a request's time from its body's last byte, minus the time it waited for llama-server.",
  });
  return {
    started() {},
    ended(timeline, result) {
      const { outcome, usage, usageIsEstimated = false, error } = result;
      const model = timeline.model ?? "";
      requests.add({ model, outcome, stage: timeline.stage });
      if (error !== undefined) errors.add({ model, outcome, type: error.kind });
      overhead.observe({}, timeline.overhead / 1000);
      client(timeline, result);
      if (timeline.model === undefined) return;
      queueWait.observe({ model, priority: timeline.priority }, timeline.spent("queue") / 1000);
      dispatch(timeline, result);
      if (timeline.timeToFirstToken !== undefined) firstToken.observe({ model }, timeline.timeToFirstToken / 1000);
      if (timeline.fragments > 1) interToken.fold({ model }, timeline.gaps);
      const perSecond = tokensPerSecond(timeline, result);
      if (perSecond > 0) rate.observe({ model }, perSecond);
      if (usage === undefined) return;
      for (const counter of usageIsEstimated ? [tokens, estimatedTokens] : [tokens]) {
        counter.add({ model, kind: "prompt" }, usage.promptTokens);
        counter.add({ model, kind: "completion" }, usage.completionTokens);
      }
      if (usage.totalTokens === 0) return;
      lengths.prompt.observe({ model }, usage.promptTokens);
      lengths.answer.observe({ model }, usage.completionTokens);
    },
  };
}

type Observe = (timeline: Timeline, result: InferenceResult) => void;

/** Where requests were sent and why, and how much of their prompts was in the cache there. */
function dispatchMetrics(registry: Registry): Observe {
  const dispatched = registry.counter({
    name: "modeld_dispatch_total",
    help: "Inferences that were sent to this llama-server last, by why it was chosen.",
    labelNames: ["server", "reason"],
  });
  const promptTokens = registry.counter({
    name: "modeld_prompt_tokens_total",
    help: "Prompt tokens that llama-server found in its cache, and that it computed.",
    labelNames: ["model", "source"],
  });
  const expected = registry.counter({
    name: "modeld_affinity_expected_tokens_total",
    help: "Prompt tokens that were expected in the cache where the request was sent.",
    labelNames: ["model"],
  });
  return ({ model = "", server, placement }, { timings }) => {
    if (server !== undefined) dispatched.add({ server, reason: placement?.reason ?? "only" });
    if (timings === undefined) return;
    promptTokens.add({ model, source: "cache" }, numberIn(timings, "cache_n"));
    promptTokens.add({ model, source: "computed" }, numberIn(timings, "prompt_n"));
    expected.add({ model }, placement?.expectedTokens ?? 0);
  };
}

/** What each client uses and is refused. */
function clientMetrics(registry: Registry): Observe {
  const requests = registry.counter({
    name: "modeld_client_requests_total",
    help: "Inferences of a client that ended, by how. client is a name of the configuration, or other.",
    labelNames: ["client", "outcome"],
  });
  const slotSeconds = registry.counter({
    name: "modeld_client_slot_seconds_total",
    help: "Time on slots, of ended inferences. client is a name of the configuration, or other.",
    labelNames: ["client", "model"],
  });
  const tokens = registry.counter({
    name: "modeld_client_tokens_total",
    help: "Tokens of a client's inferences that ended well, as llama-server counts them.",
    labelNames: ["client", "kind"],
  });
  const rejected = registry.counter({
    name: "modeld_client_rejected_total",
    help: "Inferences of a client that were turned away; reason is the error's type.",
    labelNames: ["client", "reason"],
  });
  return ({ client, model, slotMs }, { outcome, usage, error }) => {
    requests.add({ client, outcome });
    if (outcome === "rejected" && error !== undefined) rejected.add({ client, reason: error.kind });
    if (model === undefined) return;
    if (slotMs > 0) slotSeconds.add({ client, model }, slotMs / 1000);
    if (usage === undefined) return;
    tokens.add({ client, kind: "prompt" }, usage.promptTokens);
    tokens.add({ client, kind: "completion" }, usage.completionTokens);
  };
}

/** How fast one stream was; 0 where nobody knows. */
function tokensPerSecond(timeline: Timeline, { timings }: InferenceResult): number {
  const measured = timings === undefined ? 0 : numberIn(timings, "predicted_per_second");
  if (measured > 0) return measured;
  const ms = timeline.spent("stream");
  return timeline.fragments > 1 && ms > 0 ? (timeline.fragments - 1) * 1000 / ms : 0;
}

/** What llama-server says, unless it cannot be a count. */
function numberIn(timings: JsonObject, name: string): number {
  const value = timings[name];
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : 0;
}
