import type { InferenceObserver, InferenceResult, Outcome } from "./inference_observer.ts";
import { inferLogger } from "./log.ts";
import type { Timeline } from "../base/timeline.ts";

/** One line when an inference starts, one when it ends. Never a prompt, a token or a key. */
export const inferenceLog: InferenceObserver = {
  started(timeline) {
    inferLogger(timeline.logLevel).info("inference started", { request_id: timeline.requestId });
  },
  ended(timeline, result) {
    const log = inferLogger(timeline.logLevel);
    const severity = severityOf[result.outcome];
    if (log.isEnabledFor(severity)) log.log(severity, "inference ended", endProperties(timeline, result));
  },
};

/** How loud an end is: what modeld or llama-server did wrong is an error, what the operator may have to tune a warning. */
export const severityOf: Readonly<Record<Outcome, "info" | "warn" | "error">> = {
  ok: "info",
  cancelled: "info",
  invalid: "info",
  rejected: "warn",
  timeout: "warn",
  shutdown: "warn",
  upstream_error: "error",
  truncated: "error",
  internal: "error",
};

/** One property of the line at an inference's end. */
export interface EndField {
  readonly name: string;
  readonly help: string;
  /** Undefined where the line does not have it. */
  of(timeline: Timeline, result: InferenceResult): string | number | boolean | undefined;
}

/** The properties of the line at an inference's end, in order. */
export const endFields: readonly EndField[] = [
  { name: "request_id", help: "The client's `X-Request-Id`, or modeld's own.", of: (timeline) => timeline.requestId },
  { name: "model", help: "The model's id; missing where none was resolved.", of: (timeline) => timeline.model },
  { name: "client", help: "The client's name; `other` where only its address is known.", of: ({ client }) => client },
  { name: "priority", help: "The class that it was given.", of: ({ priority }) => priority },
  { name: "server", help: "The llama-server that it was sent to.", of: ({ server }) => server },
  { name: "placement", help: "Why it was sent there.", of: ({ placement }) => placement?.reason },
  { name: "outcome", help: "How it ended, as in metrics.", of: (_, result) => result.outcome },
  { name: "stage", help: "Where it ended: queue, load, prefill, stream.", of: (timeline) => timeline.stage },
  { name: "status", help: "The HTTP status; 499: the client left before one.", of: (_, result) => result.status },
  { name: "type", help: "The error's type, as the client was told.", of: (_, { error }) => error?.kind },
  {
    name: "error",
    help: "The error's message; without text that llama-server may have generated.",
    of: (_, { error }) => error?.message,
  },
  { name: "upstream_type", help: "llama-server's own type.", of: (_, { error }) => error?.upstreamType },
  { name: "finish_reason", help: "As in the final line.", of: (_, result) => result.finishReason },
  { name: "prompt_tokens", help: "As llama-server counts.", of: (_, { usage }) => usage?.promptTokens },
  { name: "completion_tokens", help: "As llama-server counts.", of: (_, { usage }) => usage?.completionTokens },
  {
    name: "usage_invalid",
    help: "`true` where llama-server reported a count that cannot be one; it counts as 0.",
    of: (_, { usageIsInvalid }) => usageIsInvalid === true ? true : undefined,
  },
  {
    name: "usage_estimated",
    help: "`true` where llama-server counted one of several tasks, and the tokens are that count times the tasks.",
    of: (_, { usageIsEstimated }) => usageIsEstimated,
  },
  { name: "fragments", help: "Fragments that llama-server sent.", of: (timeline) => timeline.fragments },
  { name: "queue_ms", help: "Waited for a slot.", of: (timeline) => tenths(timeline.spent("queue")) },
  { name: "load_ms", help: "Waited for the model's load.", of: (timeline) => tenths(timeline.spent("load")) },
  { name: "slot_ms", help: "Slots that it held, times how long.", of: ({ slotMs }) => tenths(slotMs) },
  { name: "first_token_ms", help: "Arrival to first fragment.", of: (timeline) => tenths(timeline.timeToFirstToken) },
  { name: "total_ms", help: "Arrival to end.", of: (timeline) => tenths(timeline.total) },
  { name: "overhead_ms", help: "What modeld itself cost.", of: (timeline) => tenths(timeline.overhead) },
];

function endProperties(timeline: Timeline, result: InferenceResult): Record<string, unknown> {
  const properties: Record<string, unknown> = {};
  for (const { name, of } of endFields) properties[name] = of(timeline, result);
  return properties;
}

function tenths(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 10) / 10;
}
