import { assert, assertEquals } from "@std/assert";
import type { InferReply, ReplyLine } from "../../support/ndjson_client.ts";

/** The public contract's error table: the HTTP status of each type that a single llama-server can lead to. */
const STATUS: Record<string, number> = {
  invalid_request: 400,
  upstream_invalid: 400,
  model_not_found: 404,
  upstream_error: 500,
  protocol: 500,
  truncated: 500,
};

/** Asserts that a reply is one that the contract allows: tokens and one final line, tokens and one error line, or an error. */
export function assertContract(reply: InferReply): void {
  const last = reply.lines.at(-1);
  assert(last !== undefined, `an empty reply: ${reply.status}`);
  assert(reply.text.endsWith("\n") || reply.status !== 200, "the last line is not ended");
  const before = reply.lines.slice(0, -1);
  for (const line of before) assertEquals(Object.keys(JSON.parse(line.text)), ["token"], line.text);
  assertEquals(before.filter((line) => line.token === ""), [], "an empty token");
  if (last.done === true) return assertFinal(reply, before, last);
  assertEquals(last.code, STATUS[last.type ?? ""], last.text);
  assert(typeof last.error === "string" && last.error !== "", last.text);
  if (reply.status === 200) return;
  assertEquals([reply.status, before.length], [last.code, 0]);
}

function assertFinal(reply: InferReply, before: readonly ReplyLine[], last: ReplyLine): void {
  assertEquals(reply.status, 200);
  const keys = Object.keys(JSON.parse(last.text)).filter((key) => key !== "timings");
  assertEquals(keys, ["done", "content", "finish_reason", "usage"]);
  if (before.length > 0) assertEquals(last.content, before.map((line) => line.token).join(""));
  for (const count of Object.values(last.usage ?? {})) assert(Number.isInteger(count) && count >= 0, last.text);
}
