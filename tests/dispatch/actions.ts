import { ModeldError } from "../../src/base/errors.ts";
import type { RequestEnding } from "../../src/dispatch/events.ts";

/** What can happen to a fleet. Small numbers say to whom, how and where. */
export const ACTIONS = [
  "arrive",
  "leave",
  "accept",
  "finish",
  "not_begun",
  "answer_order",
  "answer_capacity",
  "progress",
  "crash",
  "relist",
  "ask",
  "answer_poll",
  "pass_time",
  "warm",
  "lose",
  "remove",
  "drain",
] as const;
/** One of `ACTIONS`. */
export type Action = (typeof ACTIONS)[number];

/** What llama-server says of an answer: so much of its prompt was in the cache. */
function timings(cacheTokens: number, promptTokens: number): RequestEnding {
  return {
    kind: "completed",
    timings: { cacheTokens, promptTokens, promptMs: promptTokens, predictedTokens: 20, predictedMs: 400 },
  };
}

/** How a generation can end; most end well. */
export const ENDINGS: readonly RequestEnding[] = [
  { kind: "completed" },
  timings(0, 1_500),
  timings(1_400, 100),
  { kind: "cancelled" },
  { kind: "failed", error: new ModeldError("truncated", "cut") },
  { kind: "failed", error: new ModeldError("upstream_error", "500") },
  { kind: "completed" },
  { kind: "failed", error: new ModeldError("unreachable", "connection refused", { isRefusal: true }) },
];
