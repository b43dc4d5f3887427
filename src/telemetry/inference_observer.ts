import type { ErrorKind } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { Timeline, Usage } from "../base/timeline.ts";

/** How an inference ended, in the words of the public contract's error table, plus `ok`, `cancelled` and `internal`. */
export type Outcome =
  | "ok"
  | "cancelled"
  | "invalid"
  | "rejected"
  | "timeout"
  | "upstream_error"
  | "truncated"
  | "internal"
  | "shutdown";

/** What is known when an inference has ended. */
export interface InferenceResult {
  readonly outcome: Outcome;
  /** The HTTP status that was sent; 499 where the client left before one was. */
  readonly status: number;
  readonly usage?: Usage;
  /** llama-server reported counts that cannot be right; they count as 0. */
  readonly usageIsInvalid?: boolean;
  /** llama-server counted one of several tasks; the usage is that, times the tasks. */
  readonly usageIsEstimated?: boolean;
  /** llama-server's `timings`, as it sent them. */
  readonly timings?: JsonObject;
  /** As in the final line. */
  readonly finishReason?: string;
  /** Set unless the outcome is `ok`. The message holds nothing that was generated. */
  readonly error?: { readonly kind: ErrorKind; readonly message: string; readonly upstreamType?: string };
}

/**
 * Who is told of inferences: metrics, log, traces. Called once each for every inference, those refused before they reach
 * the dispatcher included; `ended` after `timeline.end()`.
 */
export interface InferenceObserver {
  started(timeline: Timeline): void;
  ended(timeline: Timeline, result: InferenceResult): void;
}

/** Tells each of the observers, in order. */
export function allObservers(...observers: readonly InferenceObserver[]): InferenceObserver {
  return {
    started(timeline) {
      for (const observer of observers) observer.started(timeline);
    },
    ended(timeline, result) {
      for (const observer of observers) observer.ended(timeline, result);
    },
  };
}

/** Prompt tokens of an answer, as llama-server's `timings` count them. */
export interface PromptTokens {
  /** Those that were in the server's cache, and those that it computed. */
  readonly cached: number;
  readonly computed: number;
}

/** Undefined where llama-server did not say. */
export function promptTokens(timings: JsonObject | undefined): PromptTokens | undefined {
  const { cache_n, prompt_n } = timings ?? {};
  if (typeof prompt_n !== "number") return undefined;
  return { cached: count(cache_n), computed: count(prompt_n) };
}

/** A count or a rate that llama-server sent; 0 where it cannot be one. */
export function count(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : 0;
}
