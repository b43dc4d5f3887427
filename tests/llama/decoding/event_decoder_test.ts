import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  chatEnd,
  chatStart,
  chatStream,
  chatToken,
  chatUsage,
  completionEnd,
  completionStream,
  completionToken,
  errorBody,
  nativeEnd,
  nativeStream,
  nativeToken,
  sse,
  SSE_DONE,
  SSE_PING,
} from "../../support/wire_streams.ts";
import { decode, decodeText, newDecoder, sliced } from "./decoding.ts";
import { EVENT_LIMIT } from "../../../src/llama/stream/framing.ts";

const USAGE = { promptTokens: 3, completionTokens: 2, totalTokens: 5 };
const WIRE_USAGE = { prompt: 3, completion: 2 };
const NO_USAGE = { promptTokens: 0, completionTokens: 0, totalTokens: 0 };

Deno.test("a stream of completions gives its texts, finish reason, usage and timings", () => {
  const { fragments, completion } = decodeText(completionStream([" a", " b"], "length", WIRE_USAGE));
  assertEquals(fragments, [" a", " b"]);
  assertEquals(completion?.finishReason, "length");
  assertEquals(completion?.usage, USAGE);
  assertEquals(completion?.timings?.["prompt_n"], 2);
});

Deno.test("a stream of chat gives its contents and the usage that comes last, without a choice", () => {
  const { fragments, completion } = decodeText(chatStream([" a", " b"], "stop", WIRE_USAGE));
  assertEquals(fragments, [" a", " b"]);
  assertEquals(completion?.finishReason, "stop");
  assertEquals(completion?.usage, USAGE);
});

Deno.test("a native stream gives its contents, stop type and counts, and ends without [DONE]", () => {
  const { fragments, completion } = decodeText(nativeStream([" a", " b"], "limit", WIRE_USAGE));
  assertEquals(fragments, [" a", " b"]);
  assertEquals(completion?.finishReason, "length");
  assertEquals(completion?.usage, USAGE);
  assertEquals(completion?.timings?.["prompt_n"], 2);
});

for (
  const [word, reason] of [["eos", "stop"], ["word", "stop"], ["limit", "length"], ["none", "none"], [
    "",
    "stop",
  ]] as const
) {
  Deno.test(`native stop type ${JSON.stringify(word)} is finish reason ${reason}`, () => {
    assertEquals(decodeText(nativeEnd(word)).completion?.finishReason, reason);
  });
}

for (
  const [flag, reason] of [["stopped_eos", "stop"], ["stopped_word", "stop"], ["stopped_limit", "length"]] as const
) {
  Deno.test(`an older build's ${flag} is finish reason ${reason}`, () => {
    const event = {
      content: "",
      stop: true,
      stopped_eos: false,
      stopped_word: false,
      stopped_limit: false,
      [flag]: true,
    };
    assertEquals(decodeText(sse(event)).completion?.finishReason, reason);
  });
}

Deno.test("a finish reason that is not known is handed on as it was sent", () => {
  assertEquals(decodeText(completionEnd("content_filter")).completion?.finishReason, "content_filter");
});

Deno.test("[DONE] alone ends a stream: finish reason stop, no usage", () => {
  const { completion } = decodeText(completionToken(" a") + SSE_DONE);
  assertEquals(completion, { finishReason: "stop", usage: NO_USAGE });
});

Deno.test("what comes after a finish reason still counts: usage", () => {
  const { completion } = decodeText(chatStart() + chatToken("a") + chatEnd() + chatUsage(WIRE_USAGE));
  assertEquals(completion?.usage, USAGE);
});

Deno.test("an error after a finish reason is an error", () => {
  const { error } = decodeText(completionToken(" a") + completionEnd() + sse({ error: { message: "late" } }));
  assertEquals(error, { kind: "upstream_error", message: "adapter generate: late" });
});

Deno.test("a stream that breaks after its finish reason is whole", () => {
  const bytes = new TextEncoder().encode(completionToken(" a") + completionEnd() + "data: [DO");
  assertEquals(decode([bytes]).completion?.finishReason, "stop");
});

Deno.test("a stream that ends without a terminal event is truncated", () => {
  const { fragments, error } = decodeText(completionToken(" a"));
  assertEquals(fragments, [" a"]);
  assertEquals(error?.kind, "truncated");
});

Deno.test("an empty answer is truncated", () => {
  assertEquals(decode([]).error?.kind, "truncated");
});

Deno.test("a stream cut anywhere before its end is truncated, never a success and never a riddle", () => {
  for (const stream of [completionStream([" a", " b"]), chatStream(["a"]), nativeStream([" a"])]) {
    const bytes = new TextEncoder().encode(stream);
    const terminal = stream.search(/"finish_reason":"|"stop":true/);
    const end = stream.indexOf("\n\n", terminal);
    for (let at = 0; at < end - 1; at++) {
      assertEquals(decode([bytes.subarray(0, at)]).error?.kind, "truncated", `cut at byte ${at}`);
    }
  }
});

Deno.test("comments are no tokens", () => {
  assertEquals(decodeText(SSE_PING + completionStream([" a"])).fragments, [" a"]);
});

Deno.test("a line that is a JSON string is a token", () => {
  assertEquals(decodeText('"one"\n" two"\n[DONE]\n').fragments, ["one", " two"]);
});

Deno.test("a native event a line, without SSE, is understood", () => {
  const { fragments, completion } = decodeText('{"content":"one","stop":false}\n{"content":"","stop":true}\n');
  assertEquals(fragments, ["one"]);
  assertEquals(completion?.finishReason, "stop");
});

Deno.test("a last line without its end is understood", () => {
  assertEquals(decodeText('"one"\n{"content":" two","stop":true}').fragments, ["one", " two"]);
});

Deno.test("a last event without its empty line is understood", () => {
  assertEquals(decodeText("data: [DONE]\n").completion?.finishReason, "stop");
});

Deno.test("data lines of one event are joined", () => {
  assertEquals(decodeText('data: {"content":\ndata: "a",\ndata: "stop":true}\n\n').fragments, ["a"]);
});

Deno.test("id, retry and event fields change nothing", () => {
  assertEquals(decodeText(`id: 1\nretry: 10\nevent: message\n${completionStream([" a"])}`).fragments, [" a"]);
});

Deno.test("empty fragments are left out", () => {
  assertEquals(decodeText(completionStream(["", " a", ""])).fragments, [" a"]);
});

Deno.test("an event that carries nothing but a role is no token", () => {
  assertEquals(decodeText(chatStart() + SSE_DONE).fragments, []);
});

/** In-stream failures in every shape that llama-server and its relatives use. */
const FAILURES: readonly (readonly [name: string, stream: string, kind: string, message: string])[] = [
  [
    "data with an error object",
    sse({ error: { code: 500, message: "boom", type: "server_error" } }),
    "upstream_error",
    "boom",
  ],
  ["data with an error text", sse({ error: "boom" }), "upstream_error", "boom"],
  ["an error field", `error: ${JSON.stringify({ code: 500, message: "boom" })}\n\n`, "upstream_error", "boom"],
  ["an error field with an error object", `error: ${errorBody(500, "boom")}\n\n`, "upstream_error", "boom"],
  ["an error field with plain text", "error: boom\n\n", "upstream_error", "boom"],
  ["an error event", `event: error\ndata: ${errorBody(500, "boom")}\n\n`, "upstream_error", "boom"],
  ["an error event with plain text", "event: error\ndata: boom\n\n", "upstream_error", "boom"],
  ["an error event that looks like a token", 'event: error\ndata: {"content":"boom"}\n\n', "upstream_error", "boom"],
  ["an error event without data", "event: error\n\n", "upstream_error", "without a message"],
  ["an error a line", `${errorBody(500, "boom")}\n`, "upstream_error", "boom"],
  [
    "a refusal",
    sse({ error: { code: 400, message: "context", type: "exceed_context_size_error" } }),
    "upstream_invalid",
    "context",
  ],
  ["stray text", "proxy error: Failed to read connection", "protocol", "proxy error: Failed to read connection"],
  ["stray text on a line of its own", "Internal Server Error\n", "protocol", "Internal Server Error"],
  ["a page of HTML", "<html><body>Bad gateway</body></html>\n", "protocol", "Bad gateway"],
  ["bad JSON", "data: {nonsense}\n\n", "protocol", "{nonsense}"],
  ["an event of no known family", sse({ answer: 42 }), "protocol", '{"answer":42}'],
  ["an array", "data: [1]\n\n", "protocol", "[1]"],
  ["a text that is no text", sse({ content: 42, stop: false }), "protocol", "42"],
];

for (const [name, stream, kind, message] of FAILURES) {
  Deno.test(`${name} in the stream is an error (${kind}) with llama-server's words, after the tokens before it`, () => {
    const { fragments, error } = decodeText(completionToken(" a") + stream);
    assertEquals(fragments, [" a"]);
    assertEquals(error?.kind, kind);
    assertStringIncludes(error?.message ?? "", message);
  });
}

Deno.test("llama-server's own type of an error is kept", () => {
  const { end } = newDecoder().push(
    new TextEncoder().encode(sse(JSON.parse(errorBody(500, "boom", "server_error")))),
  );
  assert(end !== undefined && "upstreamType" in end);
  assertEquals(end.upstreamType, "server_error");
});

Deno.test("bytes that are not UTF-8 are an error, after the tokens before them", () => {
  const bytes = new TextEncoder().encode(nativeToken(" a") + nativeToken(" ?"));
  bytes[bytes.lastIndexOf("?".charCodeAt(0))] = 0xff;
  const { fragments, error } = decode([bytes]);
  assertEquals(fragments, [" a"]);
  assertEquals(error?.kind, "protocol");
  assertStringIncludes(error?.message ?? "", "UTF-8");
});

Deno.test("a line of 1 MB is a token like any other, in any slices", () => {
  const text = "ü".repeat(500_000);
  const bytes = new TextEncoder().encode(completionStream([text]));
  assertEquals(decode(sliced(bytes, 1000)).fragments, [text]);
});

Deno.test("a line over the limit is an error as soon as it is over", () => {
  const decoder = newDecoder();
  const piece = new Uint8Array(16_384).fill("x".charCodeAt(0));
  let pushed = 0;
  while (decoder.push(piece).end === undefined) pushed += piece.length;
  assert(pushed <= EVENT_LIMIT + 2 * piece.length, `${pushed} bytes were taken`);
});

Deno.test("an event of many data lines over the limit is an error as soon as it is over", () => {
  const decoder = newDecoder();
  const line = new TextEncoder().encode(`data: ${"x".repeat(100_000)}\n`);
  let pushed = 0;
  while (decoder.push(line).end === undefined) pushed += line.length;
  assert(pushed <= EVENT_LIMIT + 2 * line.length, `${pushed} bytes were taken`);
});
