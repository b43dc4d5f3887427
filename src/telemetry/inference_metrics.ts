import type { Timeline } from "../base/timeline.ts";
import { count, type InferenceObserver, type InferenceResult, promptTokens } from "./inference_observer.ts";
import type { Registry } from "./prometheus.ts";

/** Upper bounds of lengths, in tokens, and of a stream's rate, in tokens a second. */
const LENGTHS = [16, 64, 256, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072];
const RATES = [1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1_000];

/** Metrics of inferences. */
export interface InferenceMetrics extends InferenceObserver {
  /** Shows what was sent to these servers, and forgets all others: they have been removed. Called at each scrape. */
  showServers(names: readonly string[]): void;
}

/** Makes the metrics of inferences, all written at an inference's end: its stream fills only the timeline. */
export function inferenceMetrics(registry: Registry): InferenceMetrics {
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
    showServers: dispatch.show,
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
      dispatch.ended(timeline, result);
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
function dispatchMetrics(registry: Registry): { ended: Observe; show(servers: readonly string[]): void } {
  const dispatched = registry.counter({
    name: "modeld_dispatch_total",
    help: "Inferences that were sent to this llama-server last, by why; docs/operations.md explains the reasons.",
    labelNames: ["server", "reason"],
  });
  const prompts = registry.counter({
    name: "modeld_prompt_tokens_total",
    help: "Prompt tokens that llama-server found in its cache, and that it computed.",
    labelNames: ["model", "source"],
  });
  const expected = registry.counter({
    name: "modeld_affinity_expected_tokens_total",
    help:
      'Prompt tokens that were expected in the cache; source="cache" of modeld_prompt_tokens_total is what came true.',
    labelNames: ["model"],
  });
  /** By server and reason. */
  const sent = new Map<string, Map<string, number>>();
  return {
    ended({ model = "", server, placement }, { timings }) {
      if (server === undefined || placement === undefined) return;
      const { reason, expectedTokens } = placement;
      const counts = sent.get(server) ?? new Map<string, number>();
      sent.set(server, counts.set(reason, (counts.get(reason) ?? 0) + 1));
      const prompt = promptTokens(timings);
      if (prompt === undefined) return;
      prompts.add({ model, source: "cache" }, prompt.cached);
      prompts.add({ model, source: "computed" }, prompt.computed);
      expected.add({ model }, Math.round(expectedTokens));
    },
    show(servers) {
      for (const server of sent.keys()) if (!servers.includes(server)) sent.delete(server);
      dispatched.show(
        ...[...sent].flatMap(([server, counts]) =>
          [...counts].map(([reason, count]) => [{ server, reason }, count] as const)
        ),
      );
    },
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
  const measured = count(timings?.["predicted_per_second"]);
  if (measured > 0) return measured;
  const ms = timeline.spent("stream");
  return timeline.fragments > 1 && ms > 0 ? (timeline.fragments - 1) * 1000 / ms : 0;
}
