import * as wire from "./wire_streams.ts";

/** The fragments that the fake generates unless told otherwise; one holds characters of two, three and four bytes. */
export const CANNED_TOKENS: readonly string[] = [" upon", " a", " time", ", ü€𝄞", " said", " the", " llama", "."];

/** What llama-server would answer to one request, in each of its shapes. */
export interface CannedGeneration {
  /** The events of a streamed reply. */
  readonly events: readonly string[];
  /** The JSON of a reply that is not streamed. */
  readonly whole: string;
}

/** Answers a request's body, sent to `path`, with as many of the tokens as it asks for. */
export function cannedGeneration(
  path: string,
  body: Record<string, unknown>,
  canned: readonly string[],
): CannedGeneration {
  const limit = Number(body["max_tokens"] ?? body["n_predict"] ?? -1);
  const tokens = limit > 0 ? canned.slice(0, limit) : canned;
  const cut = tokens.length < canned.length;
  const prompt = String(body["prompt"] ?? JSON.stringify(body["messages"]));
  const usage = { prompt: prompt.trim().split(/\s+/).length, completion: tokens.length };
  const stream = path === "/completion"
    ? wire.nativeStream(tokens, cut ? "limit" : "eos", usage)
    : path === "/v1/completions"
    ? wire.completionStream(tokens, cut ? "length" : "stop", usage)
    : path === "/v1/messages"
    ? wire.messagesStream(tokens, cut ? "max_tokens" : "end_turn", usage)
    : path === "/v1/responses"
    ? wire.responsesStream(tokens, usage)
    : wire.chatStream(tokens, cut ? "length" : "stop", usage);
  return { events: stream.split(/(?<=\n\n)/), whole: wholeReply(path, tokens.join(""), cut, usage) };
}

function wholeReply(path: string, text: string, cut: boolean, usage: wire.WireUsage): string {
  if (path === "/completion") {
    return wire.nativeEnd(cut ? "limit" : "eos", usage, { content: text }).slice("data: ".length).trim();
  }
  if (path === "/v1/messages") return wire.wholeMessage(text, cut ? "max_tokens" : "end_turn", usage);
  if (path === "/v1/responses") return wire.wholeResponse(text, usage);
  const choice = path === "/v1/completions" ? { text } : { message: { role: "assistant", content: text } };
  return JSON.stringify({
    choices: [{ index: 0, finish_reason: cut ? "length" : "stop", ...choice }],
    usage: { prompt_tokens: usage.prompt, completion_tokens: usage.completion },
  });
}
