import { clip } from "../../clip.ts";
import { NO_USAGE, type Usage } from "../adapter.ts";
import { finishReason, nativeFinishReason } from "./finish_reason.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import { notUnderstood } from "./protocol_error.ts";
import { readUpstreamFailure, streamFailure } from "../upstream_failure.ts";

/** What one event of a stream says, whichever family of endpoints sent it. */
export interface WireEvent {
  /** The piece of text; empty where the event carries none. */
  readonly text: string;
  readonly finishReason: string | undefined;
  readonly usage: Usage | undefined;
  readonly timings: JsonObject | undefined;
}

const EVENT = "an event that is not understood";

/**
 * Reads one JSON event: OpenAI's (`choices[0].text` of completions, `.delta.content` of chat, `.message.content` of a
 * chat answer in one piece), the native one (`content`, `stop`), or a string, which is a token.
 *
 * @throws ModeldError `protocol` for what is none of these, or the failure that the event reports.
 */
export function readWireEvent(data: string): WireEvent {
  const value = parse(data);
  if (typeof value === "string") return { text: value, finishReason: undefined, usage: undefined, timings: undefined };
  if (isJsonObject(value)) {
    if (value["error"] !== undefined && value["error"] !== null) throw streamFailure(readUpstreamFailure(data));
    if (Array.isArray(value["choices"])) return openaiEvent(value, value["choices"][0], data);
    if ("content" in value) return nativeEvent(value, data);
  }
  throw notUnderstood(EVENT, data);
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw notUnderstood(EVENT, data, cause);
  }
}

function openaiEvent(event: JsonObject, choice: unknown, data: string): WireEvent {
  const { usage, timings } = event;
  let text = "";
  let reason: unknown;
  if (isJsonObject(choice)) { // the event with the usage may have no choice
    const holder = choice["delta"] ?? choice["message"];
    text = textOf(isJsonObject(holder) ? holder["content"] : choice["text"], data);
    reason = choice["finish_reason"];
  }
  return {
    text,
    finishReason: typeof reason === "string" && reason !== "" ? finishReason(reason) : undefined,
    usage: openaiUsage(usage),
    timings: timingsOf(timings),
  };
}

function nativeEvent(event: JsonObject, data: string): WireEvent {
  const stopped = event["stop"] === true;
  const { timings } = event;
  return {
    text: textOf(event["content"], data),
    finishReason: stopped ? nativeFinishReason(event) : undefined,
    usage: stopped ? sum(event["tokens_evaluated"], event["tokens_predicted"]) : undefined,
    timings: stopped ? timingsOf(timings) : undefined,
  };
}

/** `null` and a missing text are no text; anything else that is not a string must not be lost in silence. */
function textOf(value: unknown, data: string): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  throw notUnderstood(EVENT, data);
}

/** More tokens than any answer has. */
const MOST_TOKENS = 2 ** 31 - 1;

function openaiUsage(usage: unknown): Usage | undefined {
  if (usage === undefined || usage === null) return undefined;
  if (!isJsonObject(usage)) return { ...NO_USAGE, nonsense: true };
  const counted = sum(usage["prompt_tokens"], usage["completion_tokens"]);
  const total = usage["total_tokens"];
  return isCount(total) && counted.nonsense === undefined
    ? { ...counted, totalTokens: total || counted.totalTokens }
    : { ...counted, ...(total === undefined || isCount(total) ? {} : { nonsense: true }) };
}

function sum(prompt: unknown, completion: unknown): Usage {
  const promptTokens = count(prompt);
  const completionTokens = count(completion);
  const sensible = [prompt, completion].every((value) => value === undefined || isCount(value));
  return {
    promptTokens,
    completionTokens,
    totalTokens: promptTokens + completionTokens,
    ...(sensible ? {} : { nonsense: true }),
  };
}

function count(value: unknown): number {
  return isCount(value) ? value : 0;
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_TOKENS;
}

/** Entries of `timings` that are passed on. llama-server sends some ten numbers. */
const MOST_TIMINGS = 64;

/** llama-server's timings: their plain values alone, so that what is passed on is neither long nor deep. */
function timingsOf(value: unknown): JsonObject | undefined {
  if (!isJsonObject(value)) return undefined;
  const plain: [string, unknown][] = [];
  for (const [name, entry] of Object.entries(value)) {
    if (plain.length === MOST_TIMINGS) break;
    if (typeof entry === "string") plain.push([clip(name), clip(entry)]);
    else if (typeof entry === "boolean" || Number.isFinite(entry)) plain.push([clip(name), entry]);
  }
  return Object.fromEntries(plain);
}
