import type { Completion, Usage } from "../exchange.ts";
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import { clipWord } from "../failures.ts";

/** More tokens than any model takes: a count beyond it is a mistake. */
const HIGHEST_COUNT = 2 ** 31;

/** More entries than llama-server's `timings` ever had. */
const MOST_TIMINGS = 64;

/** llama-server's and Anthropic's words for how a generation ended, and the word of OpenAI that the public contract uses. */
const OPENAI_WORDS: ReadonlyMap<string, string> = new Map([
  ["eos", "stop"],
  ["word", "stop"],
  ["limit", "length"],
  ["stopped_eos", "stop"],
  ["stopped_word", "stop"],
  ["stopped_limit", "length"],
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["max_tokens", "length"],
  ["max_output_tokens", "length"],
  ["tool_use", "tool_calls"],
]);

/** The flags by which builds before `stop_type` said why they stopped. */
const STOPPED_FLAGS = ["stopped_eos", "stopped_word", "stopped_limit"] as const;

/**
 * Why the generation ended, as the event, or a whole answer, of any API says it; `undefined` where it does not. A word that
 * is not known stays as it was sent.
 */
export function finishReasonOf(event: JsonObject): string | undefined {
  const word = finishWord(event);
  return word === undefined ? undefined : OPENAI_WORDS.get(word) ?? clipWord(word);
}

function finishWord(event: JsonObject): string | undefined {
  const { choices, delta, response, stop } = event;
  if (Array.isArray(choices)) return isJsonObject(choices[0]) ? wordOf(choices[0]["finish_reason"]) : undefined;
  if (stop === true) return wordOf(event["stop_type"]) ?? STOPPED_FLAGS.find((flag) => event[flag] === true) ?? "stop";
  if (isJsonObject(delta)) return wordOf(delta["stop_reason"]);
  const answer = isJsonObject(response) ? response : event;
  if (answer["status"] === "completed") return "stop";
  if (answer["status"] === "incomplete") {
    const details = answer["incomplete_details"];
    return (isJsonObject(details) ? wordOf(details["reason"]) : undefined) ?? "length";
  }
  return wordOf(event["stop_reason"]);
}

function wordOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Gathers what the events of an answer say of its end. What a later one says counts. */
export class CompletionReader {
  #finishReason: string | undefined;
  #timings: JsonObject | undefined;
  #prompt = 0;
  #completion = 0;
  #total: number | undefined;
  #usageIsInvalid = false;
  #hasUsage = false;

  /** Takes an event, or a whole answer. */
  add(event: JsonObject): void {
    this.#finishReason = finishReasonOf(event) ?? this.#finishReason;
    const { timings, usage, message, response } = event;
    if (isJsonObject(timings)) this.#timings = flat(timings);
    if (isJsonObject(usage)) this.#addUsage(usage);
    else if (usage !== undefined && usage !== null) this.#usageIsInvalid = true;
    // Anthropic's message_start and OpenAI's response.completed hold theirs one level deeper.
    for (const holder of [message, response]) {
      if (isJsonObject(holder) && isJsonObject(holder["usage"])) this.#addUsage(holder["usage"]);
    }
    if (event["stop"] === true) {
      this.#hasUsage ||= event["tokens_predicted"] !== undefined;
      this.#prompt = this.#count(event["tokens_evaluated"]) ?? this.#prompt;
      this.#completion = this.#count(event["tokens_predicted"]) ?? this.#completion;
    }
  }

  /** What was gathered; finish reason `stop` where nothing said it. */
  get completion(): Completion {
    const { promptTokens, completionTokens } = this.#counts();
    const usage: Usage = {
      promptTokens,
      completionTokens,
      totalTokens: this.#total || promptTokens + completionTokens,
    };
    return {
      finishReason: this.#finishReason ?? "stop",
      usage,
      ...(this.#usageIsInvalid ? { usageIsInvalid: true } : {}),
      ...(this.#timings === undefined ? {} : { timings: this.#timings }),
    };
  }

  /** A chat stream has `usage` only where the client asked for it, but its last event always has `timings`. */
  #counts(): Omit<Usage, "totalTokens"> {
    const counted = { promptTokens: this.#prompt, completionTokens: this.#completion };
    if (this.#hasUsage || this.#timings === undefined) return counted;
    const { cache_n, prompt_n, predicted_n } = this.#timings;
    return {
      promptTokens: (this.#count(cache_n) ?? 0) + (this.#count(prompt_n) ?? 0),
      completionTokens: this.#count(predicted_n) ?? 0,
    };
  }

  #addUsage(usage: JsonObject): void {
    this.#hasUsage = true;
    this.#prompt = this.#count(usage["prompt_tokens"]) ?? this.#anthropicPrompt(usage) ?? this.#prompt;
    this.#completion = this.#count(usage["completion_tokens"]) ?? this.#count(usage["output_tokens"] ?? undefined) ??
      this.#completion;
    this.#total = this.#count(usage["total_tokens"]) ?? this.#total;
  }

  /** `input_tokens` of the Messages API leaves out what came from the cache; that of Responses has no such fields. */
  #anthropicPrompt(usage: JsonObject): number | undefined {
    const input = this.#count(usage["input_tokens"] ?? undefined);
    if (input === undefined) return undefined;
    const cached = this.#count(usage["cache_read_input_tokens"] ?? undefined) ?? 0;
    const written = this.#count(usage["cache_creation_input_tokens"] ?? undefined) ?? 0;
    return input + cached + written;
  }

  /**
   * A count as it was reported; 0, with a note, where it cannot be one; `undefined` where there is none. llama-server's
   * JSON has `null` for NaN; only the Messages API means "none" by it.
   */
  #count(value: unknown): number | undefined {
    if (value === undefined) return undefined;
    if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= HIGHEST_COUNT) {
      return value as number;
    }
    this.#usageIsInvalid = true;
    return 0;
  }
}

/** The numbers and words among the timings; llama-server sends nothing else there. */
function flat(timings: JsonObject): JsonObject {
  const entries = Object.entries(timings).slice(0, MOST_TIMINGS)
    .filter(([key, value]) => key.length <= 64 && (typeof value === "number" || typeof value === "boolean"));
  return Object.fromEntries(entries);
}
