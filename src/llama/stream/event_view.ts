import type { EventView, PromptProgress } from "../exchange.ts";
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import { notUnderstood } from "../failures.ts";
import { finishReasonOf } from "./completion.ts";
import { dataOf, type Frame } from "./framing.ts";

/** What an event is called in messages that is of no known kind. */
export const EVENT_NOT_UNDERSTOOD = "an event that is not understood";

/** The view of an event that says nothing of what is read here. */
export const NO_VIEW: EventView = {
  text: "",
  reasoning: "",
  isToolCall: false,
  finishReason: undefined,
  progress: undefined,
};

/** The JSON of an event. */
export interface ParsedEvent {
  readonly value: unknown;
  /** The text that it was parsed from, for messages. */
  readonly data: string;
}

/**
 * Reads one event of whichever API: OpenAI's completions and chat, streamed or in one piece (`choices`), its Responses and
 * Anthropic's Messages (`type`), llama-server's own (`content`), or a string, which is a token.
 *
 * @throws ModeldError `protocol` for what is none of these.
 */
export function readView({ value, data }: ParsedEvent): EventView {
  if (typeof value === "string") return { ...NO_VIEW, text: value };
  if (value === null) return NO_VIEW; // llama-server sends it at the start of a native stream for several prompts
  if (isJsonObject(value)) {
    if (Array.isArray(value["choices"])) return openaiView(value, value["choices"][0], data);
    if (typeof value["type"] === "string") return typedView(value, value["type"], data);
    if ("content" in value || "prompt_progress" in value) {
      return {
        ...NO_VIEW,
        text: textOf(value["content"], data),
        finishReason: finishReasonOf(value),
        progress: progressOf(value),
      };
    }
  }
  throw notUnderstood(EVENT_NOT_UNDERSTOOD, data);
}

/** @throws ModeldError `protocol` where the data is not JSON in UTF-8. */
export function parseEvent(bytes: Uint8Array, frame: Frame): ParsedEvent {
  const data = dataOf(bytes, frame);
  try {
    return { value: JSON.parse(data), data };
  } catch (cause) {
    throw notUnderstood(EVENT_NOT_UNDERSTOOD, data, cause);
  }
}

function openaiView(event: JsonObject, choice: unknown, data: string): EventView {
  const progress = progressOf(event);
  if (!isJsonObject(choice)) return { ...NO_VIEW, progress }; // the event with the usage may have no choice
  const holder = choice["delta"] ?? choice["message"];
  const { content, reasoning_content: reasoning, tool_calls: toolCalls, function_call: functionCall } =
    isJsonObject(holder) ? holder : { ...NO_FIELDS, content: choice["text"] };
  return {
    text: textOf(content, data),
    reasoning: textOf(reasoning, data),
    isToolCall: (Array.isArray(toolCalls) && toolCalls.length > 0) || isJsonObject(functionCall),
    finishReason: finishReasonOf(event),
    progress,
  };
}

const NO_FIELDS: JsonObject = {};

/** Events of OpenAI's Responses and of Anthropic's Messages. One that carries no text is not an error: there are many. */
function typedView(event: JsonObject, type: string, data: string): EventView {
  const { delta } = event;
  switch (type) {
    case "response.output_text.delta":
      return { ...NO_VIEW, text: textOf(delta, data) };
    case "response.reasoning_text.delta":
    case "response.reasoning_summary_text.delta":
      return { ...NO_VIEW, reasoning: textOf(delta, data) };
    case "response.function_call_arguments.delta":
      return { ...NO_VIEW, isToolCall: true };
    case "response.output_item.added":
      return { ...NO_VIEW, isToolCall: isJsonObject(event["item"]) && event["item"]["type"] === "function_call" };
    case "content_block_start": {
      const block = event["content_block"];
      return { ...NO_VIEW, isToolCall: isJsonObject(block) && block["type"] === "tool_use" };
    }
    case "content_block_delta":
      if (!isJsonObject(delta)) return NO_VIEW;
      return {
        ...NO_VIEW,
        text: textOf(delta["text"], data),
        reasoning: textOf(delta["thinking"], data),
        isToolCall: delta["type"] === "input_json_delta",
      };
    default:
      return { ...NO_VIEW, finishReason: finishReasonOf(event) };
  }
}

/** `null` and a missing text are no text; anything else that is not a string must not be lost in silence. */
function textOf(value: unknown, data: string): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  throw notUnderstood(EVENT_NOT_UNDERSTOOD, data);
}

function progressOf(event: JsonObject): PromptProgress | undefined {
  const progress = event["prompt_progress"];
  if (!isJsonObject(progress)) return undefined;
  const { total, processed } = progress;
  return isCount(total) && isCount(processed) ? { total, processed } : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
