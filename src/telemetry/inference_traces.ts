import {
  type Attributes,
  context,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import type { InferenceObserver, InferenceResult } from "./inference_observer.ts";
import type { Timeline } from "./timeline.ts";

/**
 * One span for each inference, with a child for each of its stages, through Deno's own OpenTelemetry (`OTEL_DENO=true`).
 * Undefined where that is off, so that there is nobody to call.
 *
 * Names are those of the GenAI semantic conventions, with `modeld.` before what they do not have:
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
 */
export function inferenceTraces(): InferenceObserver | undefined {
  // Deno registers a provider of its own where OTEL_DENO is on; the placeholder answers where nobody did.
  if (trace.getTracerProvider() instanceof ProxyTracerProvider) return undefined;
  const tracer = trace.getTracer("modeld");
  const spans = new WeakMap<Timeline, Span>();
  return {
    started(timeline) {
      // The active span is that of Deno.serve, which continues the client's traceparent.
      const span = tracer.startSpan(OPERATION, { kind: SpanKind.CLIENT, startTime: timeline.arrivedWallTime });
      spans.set(timeline, span);
      const inside = trace.setSpan(context.active(), span);
      timeline.inContext = (work) => context.with(inside, work);
      // Deno's fetch sends a traceparent of its own, and a second one would make both invalid.
      timeline.traceparent = undefined;
    },
    ended(timeline, result) {
      const span = spans.get(timeline);
      if (span === undefined) return;
      const wall = (at: number) => timeline.arrivedWallTime + at - timeline.arrivedAt;
      const inside = trace.setSpan(ROOT_CONTEXT, span);
      for (const { stage, startedAt, endedAt } of timeline.spans) {
        tracer.startSpan(stage, { startTime: wall(startedAt) }, inside).end(wall(endedAt ?? startedAt));
      }
      if (timeline.model !== undefined) span.updateName(`${OPERATION} ${timeline.model}`);
      span.setAttributes(attributes(timeline, result));
      if (result.outcome !== "ok" && result.outcome !== "cancelled") {
        span.setStatus({ code: SpanStatusCode.ERROR, message: result.error?.message ?? result.outcome });
      }
      span.end(wall(timeline.arrivedAt + timeline.total));
    },
  };
}

/** `gen_ai.operation.name` of `POST /infer`, whichever of its endpoints llama-server is asked at. */
const OPERATION = "text_completion";

function attributes(timeline: Timeline, { outcome, status, usage, finishReason, error }: InferenceResult): Attributes {
  return {
    "gen_ai.operation.name": OPERATION,
    "gen_ai.provider.name": "llama.cpp",
    ...timeline.model !== undefined && { "gen_ai.request.model": timeline.model },
    ...usage !== undefined && {
      "gen_ai.usage.input_tokens": usage.promptTokens,
      "gen_ai.usage.output_tokens": usage.completionTokens,
    },
    ...finishReason !== undefined && { "gen_ai.response.finish_reasons": [finishReason] },
    ...error !== undefined && { "error.type": error.kind },
    ...timeline.timeToFirstToken !== undefined && { "modeld.time_to_first_token_ms": timeline.timeToFirstToken },
    "http.response.status_code": status,
    "modeld.request_id": timeline.requestId,
    "modeld.outcome": outcome,
    "modeld.stage": timeline.stage,
  };
}
