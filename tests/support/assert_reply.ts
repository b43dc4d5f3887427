import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { InferReply } from "./ndjson_client.ts";

/** How a reply is expected to fail. */
export interface ExpectedError {
  readonly code: number;
  readonly type: string;
  /** A part of the message. */
  readonly says: string;
  readonly upstream_type?: string;
}

/** Asserts byte for byte that a reply is these tokens, then the final line, and that it ended in order. */
export async function assertStreamed(
  reply: InferReply,
  tokens: readonly string[],
  finishReason: string,
  usage: readonly [prompt: number, completion: number],
): Promise<void> {
  await reply.read();
  assertEquals(reply.status, 200, reply.text);
  const final = reply.text.slice(assertTokens(reply, tokens));
  const [prompt_tokens, completion_tokens] = usage;
  const expected = JSON.stringify({
    done: true,
    content: tokens.join(""),
    finish_reason: finishReason,
    usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
  });
  // Only llama-server's own timings may follow.
  const { timings: _, ...line } = JSON.parse(final);
  assertEquals(JSON.stringify(line), expected);
  assert(final.endsWith("}\n") && final.indexOf("\n") === final.length - 1, `not one line: ${final}`);
}

/** Asserts byte for byte that a reply is these tokens, then one error line and no final one, and that it ended in order. */
export async function assertCutShort(
  reply: InferReply,
  tokens: readonly string[],
  error: ExpectedError,
): Promise<void> {
  await reply.read();
  assertEquals(reply.status, 200, reply.text);
  const last = reply.text.slice(assertTokens(reply, tokens));
  assert(last.indexOf("\n") === last.length - 1, `not one line: ${last}`);
  assertError(last, error);
}

/** Asserts that a reply is a plain HTTP error and nothing else. */
export async function assertRefused(reply: InferReply, error: ExpectedError): Promise<void> {
  await reply.read();
  assertEquals([reply.status, reply.headers.get("content-type")], [error.code, "application/json"], reply.text);
  assertError(reply.text, error);
}

function assertTokens(reply: InferReply, tokens: readonly string[]): number {
  const expected = tokens.map((token) => `${JSON.stringify({ token })}\n`).join("");
  assertEquals(reply.text.slice(0, expected.length), expected);
  return expected.length;
}

function assertError(json: string, { says, ...expected }: ExpectedError): void {
  const { error, ...rest } = JSON.parse(json);
  assertEquals(rest, expected, json);
  assertStringIncludes(error, says);
}
