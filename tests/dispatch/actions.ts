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

/** How a generation can end; most end well. */
export const ENDINGS: readonly RequestEnding[] = [
  { kind: "completed" },
  { kind: "completed" },
  { kind: "completed" },
  { kind: "cancelled" },
  { kind: "failed", error: new ModeldError("truncated", "cut") },
  { kind: "failed", error: new ModeldError("upstream_error", "500") },
  { kind: "completed" },
  { kind: "failed", error: new ModeldError("unreachable", "connection refused", { isRefusal: true }) },
];
