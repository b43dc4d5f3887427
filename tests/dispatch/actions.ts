import { ModeldError } from "../../src/base/errors.ts";
import type { Ending } from "../../src/dispatch/events.ts";

/** What can happen to a manager. Two small numbers say to whom, and how. */
export const ACTIONS = [
  "arrive",
  "leave",
  "finish",
  "postpone",
  "answer_order",
  "answer_capacity",
  "progress",
  "crash",
  "relist",
  "ask",
  "answer_look",
  "pass_time",
  "warm",
  "lose",
  "drain",
] as const;
/** One of `ACTIONS`. */
export type Action = (typeof ACTIONS)[number];

/** How a generation can end; most end well. */
export const ENDINGS: readonly Ending[] = [
  { kind: "completed" },
  { kind: "completed" },
  { kind: "completed" },
  { kind: "cancelled" },
  { kind: "failed", error: new ModeldError("truncated", "cut") },
  { kind: "failed", error: new ModeldError("upstream_error", "500") },
  { kind: "completed" },
  { kind: "failed", error: new ModeldError("unreachable", "connection refused") },
];
