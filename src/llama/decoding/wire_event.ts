import type { Usage } from "../adapter.ts";
import { finishReason, nativeFinishReason } from "./finish_reason.ts";
import { isJsonObject, type JsonObject } from "../../base/json.ts";
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
    usage: isJsonObject(usage) ? openaiUsage(usage) : undefined,
    timings: isJsonObject(timings) ? timings : undefined,
  };
}

function nativeEvent(event: JsonObject, data: string): WireEvent {
  const stopped = event["stop"] === true;
  const { timings } = event;
  return {
    text: textOf(event["content"], data),
    finishReason: stopped ? nativeFinishReason(event) : undefined,
    usage: stopped ? sum(event["tokens_evaluated"], event["tokens_predicted"]) : undefined,
    timings: stopped && isJsonObject(timings) ? timings : undefined,
  };
}

/** `null` and a missing text are no text; anything else that is not a string must not be lost in silence. */
function textOf(value: unknown, data: string): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  throw notUnderstood(EVENT, data);
}

function openaiUsage(usage: JsonObject): Usage {
  const counted = sum(usage["prompt_tokens"], usage["completion_tokens"]);
  return { ...counted, totalTokens: count(usage["total_tokens"]) || counted.totalTokens };
}

function sum(prompt: unknown, completion: unknown): Usage {
  const promptTokens = count(prompt);
  const completionTokens = count(completion);
  return { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens };
}

function count(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
