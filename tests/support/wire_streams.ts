/**
 * Bytes as a real llama-server (build 11669) puts them on the wire, as plain strings: one event each, its blank line
 * included. Tests put them together, cut them and spoil them.
 */

/** Token counts of a reply. */
export interface WireUsage {
  readonly prompt: number;
  readonly completion: number;
}

const timings = {
  cache_n: 0,
  prompt_n: 2,
  prompt_ms: 5.763,
  predicted_n: 2,
  predicted_ms: 0.505,
};

/** One server-sent event with JSON data. */
export function sse(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

/** What ends an OpenAI stream. */
export const SSE_DONE = "data: [DONE]\n\n";

/** What llama-server sends every 30 s while it is silent. */
export const SSE_PING = ":\n\n";

function usageOf(usage: WireUsage): Record<string, unknown> {
  return {
    completion_tokens: usage.completion,
    prompt_tokens: usage.prompt,
    total_tokens: usage.prompt + usage.completion,
    prompt_tokens_details: { cached_tokens: 0 },
  };
}

/** A fragment of `/v1/completions`. */
export function completionToken(text: string): string {
  return sse({
    choices: [{ text, index: 0, logprobs: null, finish_reason: null }],
    created: 1795381002,
    model: "tiny",
    system_fingerprint: "b11669-fake",
    object: "text_completion",
    id: "chatcmpl-fake",
  });
}

/** The last event of `/v1/completions` before `[DONE]`. */
export function completionEnd(finishReason = "stop", usage: WireUsage = { prompt: 2, completion: 2 }): string {
  return sse({
    choices: [{ text: "", index: 0, logprobs: null, finish_reason: finishReason }],
    created: 1795381002,
    model: "tiny",
    system_fingerprint: "b11669-fake",
    object: "text_completion",
    usage: usageOf(usage),
    id: "chatcmpl-fake",
    timings,
  });
}

/** A whole reply of `/v1/completions`, `[DONE]` included. */
export function completionStream(
  tokens: readonly string[],
  finishReason = "stop",
  usage: WireUsage = { prompt: 2, completion: tokens.length },
): string {
  return tokens.map(completionToken).join("") + completionEnd(finishReason, usage) + SSE_DONE;
}

function chatEvent(choices: readonly unknown[], extra: Record<string, unknown> = {}): string {
  return sse({
    choices,
    created: 1795381002,
    id: "chatcmpl-fake",
    model: "tiny",
    system_fingerprint: "b11669-fake",
    object: "chat.completion.chunk",
    ...extra,
  });
}

/** The first event of `/v1/chat/completions`: a role, and content that is null. */
export function chatStart(): string {
  return chatEvent([{ finish_reason: null, index: 0, delta: { role: "assistant", content: null } }]);
}

/** A fragment of `/v1/chat/completions`. */
export function chatToken(text: string): string {
  return chatEvent([{ finish_reason: null, index: 0, delta: { content: text } }]);
}

/** The event of `/v1/chat/completions` that carries the finish_reason, and no usage. */
export function chatEnd(finishReason = "stop"): string {
  return chatEvent([{ finish_reason: finishReason, index: 0, delta: {} }]);
}

/** The event of `/v1/chat/completions` that carries usage, and no choices. */
export function chatUsage(usage: WireUsage = { prompt: 2, completion: 2 }): string {
  return chatEvent([], { usage: usageOf(usage), timings });
}

/** A whole reply of `/v1/chat/completions` with usage, `[DONE]` included. */
export function chatStream(
  tokens: readonly string[],
  finishReason = "stop",
  usage: WireUsage = { prompt: 2, completion: tokens.length },
): string {
  return chatStart() + tokens.map(chatToken).join("") + chatEnd(finishReason) + chatUsage(usage) + SSE_DONE;
}

/** A fragment of native `/completion`. */
export function nativeToken(text: string, count = 1): string {
  return sse({
    index: 0,
    content: text,
    tokens: [407],
    stop: false,
    id_slot: -1,
    tokens_predicted: count,
    tokens_evaluated: 2,
  });
}

/** The last event of native `/completion`; `fields` replace or add some, such as an older build's `stopped_eos`. */
export function nativeEnd(
  stopType = "eos",
  usage: WireUsage = { prompt: 2, completion: 2 },
  fields: Record<string, unknown> = {},
): string {
  return sse({
    index: 0,
    content: "",
    tokens: [],
    id_slot: 0,
    stop: true,
    model: "tiny",
    tokens_predicted: usage.completion,
    tokens_evaluated: usage.prompt,
    prompt: "<s> Once",
    has_new_line: false,
    truncated: false,
    stop_type: stopType,
    stopping_word: "",
    tokens_cached: 3,
    timings,
    ...fields,
  });
}

/** A whole reply of native `/completion`; there is no `[DONE]`. */
export function nativeStream(
  tokens: readonly string[],
  stopType = "eos",
  usage: WireUsage = { prompt: 2, completion: tokens.length },
): string {
  return tokens.map((text, index) => nativeToken(text, index + 1)).join("") + nativeEnd(stopType, usage);
}

/** llama-server's JSON error body. */
export function errorBody(
  code: number,
  message: string,
  type = "invalid_request_error",
  extra: Record<string, unknown> = {},
): string {
  return JSON.stringify({ error: { code, message, type, ...extra } });
}

/** One event of the Messages and Responses APIs: it has its type as its name too. */
function named(data: { readonly type: string; readonly [field: string]: unknown }): string {
  return `event: ${data.type}\n${sse(data)}`;
}

function message(content: readonly unknown[], stopReason: string | null, usage: WireUsage): Record<string, unknown> {
  return {
    id: "chatcmpl-fake",
    type: "message",
    role: "assistant",
    content,
    model: "tiny",
    stop_reason: stopReason,
    stop_sequence: null,
    usage: { cache_read_input_tokens: 0, input_tokens: usage.prompt, output_tokens: usage.completion },
  };
}

/** The first events of a stream of `/v1/messages`. */
export function messagesStart(usage: WireUsage = { prompt: 2, completion: 0 }): string {
  return named({ type: "message_start", message: message([], null, { ...usage, completion: 0 }) }) +
    named({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } });
}

/** A fragment of `/v1/messages`. */
export function messagesToken(text: string): string {
  return named({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } });
}

/** The last events of `/v1/messages`. */
export function messagesEnd(stopReason = "end_turn", usage: WireUsage = { prompt: 2, completion: 2 }): string {
  return named({ type: "content_block_stop", index: 0 }) +
    named({
      type: "message_delta",
      delta: { stop_reason: stopReason, stop_sequence: null },
      usage: { output_tokens: usage.completion },
    }) +
    named({ type: "message_stop" });
}

/** A whole stream of `/v1/messages`. */
export function messagesStream(
  tokens: readonly string[],
  stopReason = "end_turn",
  usage: WireUsage = { prompt: 2, completion: tokens.length },
): string {
  return messagesStart(usage) + tokens.map(messagesToken).join("") + messagesEnd(stopReason, usage);
}

/** The answer of `/v1/messages` in one piece. */
export function wholeMessage(text: string, stopReason: string, usage: WireUsage): string {
  return JSON.stringify(message([{ type: "text", text }], stopReason, usage));
}

/** The first events of a stream of `/v1/responses`. */
export function responsesStart(): string {
  const response = { id: "resp_stand-in", object: "response", status: "in_progress" };
  const item = { content: [], id: "msg_stand-in", role: "assistant", status: "in_progress", type: "message" };
  return named({ type: "response.created", response }) + named({ type: "response.output_item.added", item });
}

/** A fragment of `/v1/responses`. */
export function responsesToken(text: string): string {
  return named({ type: "response.output_text.delta", item_id: "msg_stand-in", delta: text });
}

/** The last event of `/v1/responses`. */
export function responsesEnd(text: string, usage: WireUsage = { prompt: 2, completion: 2 }): string {
  return named({ type: "response.completed", response: response(text, usage) });
}

/** A whole stream of `/v1/responses`. */
export function responsesStream(
  tokens: readonly string[],
  usage: WireUsage = { prompt: 2, completion: tokens.length },
): string {
  return responsesStart() + tokens.map(responsesToken).join("") + responsesEnd(tokens.join(""), usage);
}

/** The answer of `/v1/responses` in one piece. */
export function wholeResponse(text: string, usage: WireUsage): string {
  return JSON.stringify(response(text, usage));
}

function response(text: string, usage: WireUsage): Record<string, unknown> {
  const content = [{ type: "output_text", annotations: [], logprobs: [], text }];
  return {
    id: "resp_stand-in",
    model: "tiny",
    object: "response",
    output: [{ content, id: "msg_stand-in", role: "assistant", status: "completed", type: "message" }],
    status: "completed",
    usage: {
      input_tokens: usage.prompt,
      output_tokens: usage.completion,
      total_tokens: usage.prompt + usage.completion,
      input_tokens_details: { cached_tokens: 0 },
    },
  };
}
