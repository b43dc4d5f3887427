import type { GenerationEnd, GenerationPart } from "./generation.ts";
import { storyModel } from "./story_model.ts";

/** What the engine calls itself; llama-server has its build number there. */
export const buildInfo = "modeld demo engine, for trying and developing only";

type Json = Readonly<Record<string, unknown>>;

/** How one family of endpoints writes an answer, in parts or whole. */
export interface ReplyShape {
  /** What a stream begins with. */
  begin(): readonly Json[];
  part(part: GenerationPart, promptTokens: number, soFar: number): Json;
  end(end: GenerationEnd, includeUsage: boolean): readonly Json[];
  /** Whether a stream ends in `[DONE]`. */
  readonly hasDone: boolean;
  whole(text: string, end: GenerationEnd): Json;
}

/** llama-server's figures of a generation, to the microsecond as it has them: numbers of tokens, and milliseconds. */
function timings({ promptTokens, cachedTokens, completionTokens, promptMs, predictedMs }: GenerationEnd): Json {
  const promptRead = promptTokens - cachedTokens;
  return {
    cache_n: cachedTokens,
    prompt_n: promptRead,
    prompt_ms: thousandths(promptMs),
    prompt_per_token_ms: thousandths(promptMs / promptRead),
    prompt_per_second: thousandths(promptRead / promptMs * 1000),
    predicted_n: completionTokens,
    predicted_ms: thousandths(predictedMs),
    predicted_per_token_ms: thousandths(predictedMs / completionTokens),
    predicted_per_second: thousandths(completionTokens / predictedMs * 1000),
  };
}

function thousandths(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

function usage({ promptTokens, completionTokens, cachedTokens }: GenerationEnd): Json {
  return {
    completion_tokens: completionTokens,
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

function finishReason({ stopType }: GenerationEnd): string {
  return stopType === "limit" ? "length" : "stop";
}

function openaiFrame(object: string): Json {
  const created = Math.floor(Date.now() / 1000);
  return { id: `chatcmpl-${crypto.randomUUID()}`, object, created, model: storyModel, system_fingerprint: buildInfo };
}

/** `/v1/completions`. */
export function completionReply(): ReplyShape {
  const frame = openaiFrame("text_completion");
  const choice = (text: string, reason: string | null) => ({
    choices: [{ text, index: 0, logprobs: null, finish_reason: reason }],
    ...frame,
  });
  const whole = (text: string, end: GenerationEnd): Json => ({
    ...choice(text, finishReason(end)),
    usage: usage(end),
    timings: timings(end),
  });
  return {
    begin: () => [],
    part: ({ text }) => choice(text, null),
    end: (end) => [whole("", end)],
    hasDone: true,
    whole,
  };
}

/** `/v1/chat/completions`. */
export function chatReply(): ReplyShape {
  const frame = openaiFrame("chat.completion.chunk");
  const delta = (delta: Json, reason: string | null) => ({
    choices: [{ finish_reason: reason, index: 0, delta }],
    ...frame,
  });
  return {
    begin: () => [delta({ role: "assistant", content: null }, null)],
    part: ({ text }) => delta({ content: text }, null),
    end(end, includeUsage) {
      const last = delta({}, finishReason(end));
      if (!includeUsage) return [{ ...last, timings: timings(end) }];
      return [last, { choices: [], ...frame, usage: usage(end), timings: timings(end) }];
    },
    hasDone: true,
    whole: (content, end) => ({
      choices: [{ finish_reason: finishReason(end), index: 0, message: { role: "assistant", content } }],
      ...frame,
      object: "chat.completion",
      usage: usage(end),
      timings: timings(end),
    }),
  };
}

/** `/completion`, llama-server's own. */
export function nativeReply(): ReplyShape {
  const whole = (content: string, end: GenerationEnd): Json => ({
    index: 0,
    content,
    tokens: [],
    id_slot: 0,
    stop: true,
    model: storyModel,
    tokens_predicted: end.completionTokens,
    tokens_evaluated: end.promptTokens,
    truncated: false,
    stop_type: end.stopType,
    stopping_word: end.stoppingWord,
    tokens_cached: end.promptTokens + end.completionTokens - 1,
    timings: timings(end),
  });
  return {
    begin: () => [],
    part: ({ text, tokens }, promptTokens, soFar) => ({
      index: 0,
      content: text,
      tokens,
      stop: false,
      id_slot: 0,
      tokens_predicted: soFar,
      tokens_evaluated: promptTokens,
    }),
    end: (end) => [whole("", end)],
    hasDone: false,
    whole,
  };
}
