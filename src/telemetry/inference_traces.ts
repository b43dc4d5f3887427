import type { Timeline } from "../base/timeline.ts";
import type { InferenceObserver, InferenceResult } from "./inference_observer.ts";
import {
  type Attributes,
  type AttributeValue,
  context,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";

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

/** One attribute of an inference's span. */
export interface SpanAttribute {
  readonly name: string;
  readonly help: string;
  /** Undefined where the span does not have it. */
  of(timeline: Timeline, result: InferenceResult): AttributeValue | undefined;
}

/** The attributes of an inference's span, in order. */
export const spanAttributes: readonly SpanAttribute[] = [
  { name: "gen_ai.operation.name", help: `Always \`${OPERATION}\`.`, of: () => OPERATION },
  { name: "gen_ai.provider.name", help: "Always `llama.cpp`.", of: () => "llama.cpp" },
  { name: "gen_ai.request.model", help: "The model's id.", of: (timeline) => timeline.model },
  { name: "gen_ai.usage.input_tokens", help: "Tokens of the prompt.", of: (_, { usage }) => usage?.promptTokens },
  { name: "gen_ai.usage.output_tokens", help: "Tokens generated.", of: (_, { usage }) => usage?.completionTokens },
  {
    name: "gen_ai.response.finish_reasons",
    help: "As in the final line.",
    of: (_, { finishReason }) => finishReason === undefined ? undefined : [finishReason],
  },
  { name: "error.type", help: "The error's type, as the client was told.", of: (_, { error }) => error?.kind },
  { name: "http.response.status_code", help: "As in the log.", of: (_, { status }) => status },
  { name: "modeld.request_id", help: "As in the log.", of: (timeline) => timeline.requestId },
  { name: "modeld.outcome", help: "As in metrics and log.", of: (_, { outcome }) => outcome },
  { name: "modeld.stage", help: "Where it ended.", of: (timeline) => timeline.stage },
  {
    name: "modeld.time_to_first_token_ms",
    help: "Arrival to first fragment.",
    of: (timeline) => timeline.timeToFirstToken,
  },
];

function attributes(timeline: Timeline, result: InferenceResult): Attributes {
  return Object.fromEntries(spanAttributes.flatMap(({ name, of }) => {
    const value = of(timeline, result);
    return value === undefined ? [] : [[name, value]];
  }));
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * The header value where it is a valid W3C `traceparent`, else undefined: a caller's mistake must not reach llama-server.
 * https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function validTraceparent(header: string | null): string | undefined {
  const match = header?.length !== undefined && header.length <= 200 ? TRACEPARENT.exec(header) : null;
  if (match === null) return undefined;
  const [value, version, traceId, parentId, , rest] = match;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId as string) || /^0+$/.test(parentId as string)) return undefined;
  return value;
}
