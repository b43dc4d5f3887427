import type { InferenceObserver, InferenceResult, Outcome } from "./inference_observer.ts";
import { inferLogger } from "./log.ts";
import type { Timeline } from "./timeline.ts";

/** One line when an inference starts, one when it ends. Never a prompt, a token or a key. */
export const inferenceLog: InferenceObserver = {
  started(timeline) {
    inferLogger(timeline.logLevel).info("inference started", { request_id: timeline.requestId });
  },
  ended(timeline, result) {
    const log = inferLogger(timeline.logLevel);
    log[SEVERITY[result.outcome]]("inference ended", () => endProperties(timeline, result));
  },
};

/** How loud an end is: what modeld or llama-server did wrong is an error, what the operator may have to tune a warning. */
const SEVERITY: Record<Outcome, "info" | "warn" | "error"> = {
  ok: "info",
  cancelled: "info",
  invalid: "info",
  rejected: "warn",
  timeout: "warn",
  shutdown: "warn",
  upstream_error: "error",
  truncated: "error",
};

function endProperties(timeline: Timeline, result: InferenceResult): Record<string, unknown> {
  const { usage, finishReason, error } = result;
  return {
    request_id: timeline.requestId,
    model: timeline.model,
    outcome: result.outcome,
    stage: timeline.stage,
    status: result.status,
    type: error?.kind,
    error: error?.message,
    upstream_type: error?.upstreamType,
    finish_reason: finishReason,
    prompt_tokens: usage?.promptTokens,
    completion_tokens: usage?.completionTokens,
    fragments: timeline.fragments,
    queue_ms: tenths(timeline.spent("queue")),
    load_ms: tenths(timeline.spent("load")),
    first_token_ms: timeline.timeToFirstToken === undefined ? undefined : tenths(timeline.timeToFirstToken),
    total_ms: tenths(timeline.total),
    overhead_ms: tenths(timeline.overhead),
  };
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
