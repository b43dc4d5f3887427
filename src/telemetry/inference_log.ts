import type { InferenceObserver, InferenceResult, Outcome } from "./inference_observer.ts";
import { clip } from "../base/clip.ts";
import { brief, shortName } from "../base/figures.ts";
import { promptTokens } from "./inference_observer.ts";
import type { LimitedLog } from "./limited_log.ts";
import { inferLogger } from "./log.ts";
import type { Timeline } from "../base/timeline.ts";

/**
 * One line when an inference ends, and at debug one when it starts. Never a prompt, a token or a key.
 *
 * @param refusals bounds the lines of those that were refused, which clients can cause as often as they like
 */
export function inferenceLog(refusals: LimitedLog): InferenceObserver {
  return {
    started(timeline) {
      const log = inferLogger(timeline.logLevel);
      if (log.isEnabledFor("debug")) log.debug("inference started", { request_id: timeline.requestId });
    },
    ended(timeline, result) {
      const log = inferLogger(timeline.logLevel);
      const severity = severityOf[result.outcome];
      if (!log.isEnabledFor(severity)) return;
      if (isRefusal(result.status) && !refusals.admits("an inference was refused")) return;
      const text = () => inferenceLine(timeline, result);
      log.log(severity, "inference ended", endProperties(timeline, result), text);
    },
  };
}

const REFUSALS: ReadonlySet<number> = new Set([401, 403, 404, 429]);

/** Whether this status says: no key, no right, no such thing, or no room. */
export function isRefusal(status: number): boolean {
  return REFUSALS.has(status);
}

/**
 * The end of an inference for people, short enough for a terminal of 100 columns:
 * `200 /v1/chat stories 5→60 tok 1.04s 57 tok/s first 27ms queue 0ms chat@gpu0`. What failed says why instead, and its id.
 */
function inferenceLine(timeline: Timeline, result: InferenceResult): string {
  const { path, model, timeToFirstToken: first, client, address, server } = timeline;
  const { status, outcome, error } = result;
  const rate = tokenRate(timeline, result);
  const load = timeline.spent("load");
  const who = client === "other" ? address : client;
  const head = `${status} ${path.replace(/\/chat\/completions$/, "/chat")}`;
  const tail = [
    ...outcome === "ok" ? [] : [error?.kind ?? outcome],
    ...tokens(timeline, result),
    brief(timeline.total),
    ...rate === undefined ? [] : [`${Math.round(rate)} tok/s`],
    ...first === undefined ? [] : [`first ${brief(first)}`],
    `queue ${brief(timeline.spent("queue"))}`,
    ...load === 0 ? [] : [`load ${brief(load)}`],
    server === undefined ? who : `${who}@${server}`,
  ].join(" ");
  const room = Math.max(SHORTEST_MODEL, LINE_WIDTH - head.length - tail.length - 2);
  const line = model === undefined ? `${head} ${tail}` : `${head} ${clip(shortName(model), room)} ${tail}`;
  if (error === undefined || outcome === "cancelled") return line;
  return `${line}: ${error.message} (request ${timeline.requestId})`;
}

/** Columns that the time and the level leave of 100, and those that a model's name has at least. */
const LINE_WIDTH = 83;
const SHORTEST_MODEL = 12;

function tokens({ fragments }: Timeline, { usage }: InferenceResult): string[] {
  if (usage !== undefined && usage.totalTokens > 0) return [`${usage.promptTokens}→${usage.completionTokens} tok`];
  return fragments === 0 ? [] : [`→${fragments} tok`];
}

/** Tokens a second of the generation: as llama-server says, else from when the tokens came. */
function tokenRate(timeline: Timeline, { usage, timings }: InferenceResult): number | undefined {
  const said = timings?.["predicted_per_second"];
  if (typeof said === "number" && said > 0) return said;
  const streamed = timeline.spent("stream");
  const after = (usage?.completionTokens || timeline.fragments) - 1;
  return after > 0 && streamed > 0 && timeline.fragments > 1 ? 1_000 * after / streamed : undefined;
}

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
  { name: "path", help: "The path of its route.", of: (timeline) => timeline.path },
  { name: "model", help: "The model's id; missing where none was resolved.", of: (timeline) => timeline.model },
  { name: "client", help: "The client's name; `other` where only its address is known.", of: ({ client }) => client },
  { name: "address", help: "The client's address.", of: ({ address }) => address },
  { name: "priority", help: "The class that it was given.", of: ({ priority }) => priority },
  { name: "server", help: "The llama-server that it was sent to.", of: ({ server }) => server },
  { name: "placement", help: "Why it was sent there.", of: ({ placement }) => placement?.reason },
  {
    name: "expected_cache_tokens",
    help: "Prompt tokens that were expected in the cache there.",
    of: ({ placement }) => placement === undefined ? undefined : Math.round(placement.expectedTokens),
  },
  {
    name: "cache_tokens",
    help: "Prompt tokens that were in the cache, as llama-server counts.",
    of: (_, { timings }) => promptTokens(timings)?.cached,
  },
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
