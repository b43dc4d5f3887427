import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { completionStream, errorBody, nativeStream } from "../../support/wire_streams.ts";
import { decode, decodeText, passOn, recording as read, sliced } from "./decoding.ts";

const utf8 = new TextEncoder();
const TOKENS = [" a", ", ü€𝄞", "\u2028", " �", "\\n", '"', " data: x"];

/** Streams of every shape, good and bad, by name. */
const streams = new Map<string, Uint8Array>([
  ...recordings("messages.sse", "completions.whole", "router_child_killed.sse"),
  ["wide characters", utf8.encode(completionStream(TOKENS))],
  ["CRLF", utf8.encode(completionStream(TOKENS).replaceAll("\n", "\r\n"))],
  ["CR", utf8.encode(completionStream(TOKENS).replaceAll("\n", "\r"))],
  ["several data lines", utf8.encode('data: {"content":\ndata:"one",\ndata: "stop":true}\n\n')],
  ["several data lines, CRLF", utf8.encode('data: {"content":\r\ndata:"one",\r\ndata: "stop":true}\r\n\r\n')],
  ["JSON lines", utf8.encode('"one"\n{"content":" two","stop":false}\r\n{"content":"","stop":true}\n')],
  ["comments", utf8.encode(`:\n\n: ping\n${completionStream([" a"]).replaceAll("\n\n", "\n\n:\r\n\n")}`)],
  ["error event", utf8.encode(`${nativeStream([" a"]).split("\n\n")[0]}\n\nerror: ${errorBody(500, "boom")}\n\n`)],
  ["cut in a character", utf8.encode(completionStream([" ü"])).subarray(0, 29)],
  ["not UTF-8", Uint8Array.of(...utf8.encode('data: {"content":"ok"}\n\ndata: {"content":"'), 0xff, 0x22, 0x7d, 0x0a)],
]);

for (const [name, bytes] of streams) {
  Deno.test(`a stream (${name}) decodes alike wherever it is cut in two`, () => {
    const whole = decode([bytes]);
    const passed = passOn([bytes]);
    for (let at = 1; at < bytes.length; at++) {
      const pieces = [bytes.subarray(0, at), bytes.subarray(at)];
      assertEquals(decode(pieces), whole, `cut at byte ${at}`);
      assertEquals(passOn(pieces), passed, `passed on, cut at byte ${at}`);
    }
  });

  Deno.test(`a stream (${name}) decodes alike byte by byte`, () => {
    assertEquals(decode(sliced(bytes, 1)), decode([bytes]));
    assertEquals(passOn(sliced(bytes, 1)), passOn([bytes]));
  });
}

Deno.test("any tokens come out as they went in, however the stream is sliced", () => {
  const tokens = fc.array(fc.string({ unit: "grapheme", minLength: 1 }), { maxLength: 8 });
  fc.assert(
    fc.property(tokens, fc.integer({ min: 1, max: 400 }), fc.constantFrom("\n", "\r\n", "\r"), (sent, size, end) => {
      const bytes = utf8.encode(completionStream(sent).replaceAll("\n", end));
      const { fragments, completion } = decode(sliced(bytes, size));
      assertEquals(fragments, sent);
      assertEquals(completion?.finishReason, "stop");
    }),
  );
});

Deno.test("any bytes at all end in exactly one completion or error", () => {
  const noise = fc.uint8Array({ maxLength: 200 });
  const words = fc.constantFrom(
    "data: ",
    "\n\n",
    "\r",
    "error:",
    '{"content":"x"}',
    '{"error":1}',
    "[DONE]",
    ":",
    '"t"',
    "event: error\n",
  );
  const soup = fc.array(fc.oneof(noise, words.map((word) => utf8.encode(word))), { maxLength: 12 });
  fc.assert(
    fc.property(soup, fc.integer({ min: 1, max: 40 }), (parts, size) => {
      const bytes = new Uint8Array(parts.flatMap((part) => [...part]));
      const { completion, error, ...rest } = decode(sliced(bytes, size));
      assert((completion === undefined) !== (error === undefined));
      assertEquals(rest.fragments.filter((fragment) => fragment === ""), []);
      assertEquals(decode([bytes]).fragments, rest.fragments);
      assertEquals(passOn(sliced(bytes, size)), passOn([bytes]));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("recorded answers give the same text streamed and in one piece", () => {
  for (const family of ["completions", "chat", "native"]) {
    const [streamed, whole] = [read(`${family}.sse`), read(`${family}.whole`)].map((bytes) => decode([bytes]));
    assertEquals(streamed?.fragments.join(""), whole?.fragments.join(""), family);
    assertEquals(streamed?.completion?.finishReason, whole?.completion?.finishReason, family);
    assertEquals(streamed?.completion?.usage, whole?.completion?.usage, family);
    assert((streamed?.fragments.length ?? 0) > 10);
  }
});

Deno.test("a recorded router whose model process was killed is an error in the router's words", () => {
  const { fragments, error } = decode([read("router_child_killed.sse")]);
  assertEquals(fragments, [" upon", " a", " time", "ri"]);
  assertEquals(error, {
    kind: "protocol",
    message: "adapter generate: llama-server sent text outside its stream: proxy error: Failed to read connection",
  });
});

Deno.test("a replacement character that llama-server sent is handed on as it is", () => {
  assertEquals(decodeText(completionStream(["�"])).fragments, ["�"]);
});

function recordings(...names: string[]): [string, Uint8Array][] {
  return names.map((name) => [`recorded ${name}`, read(name)]);
}

/** Recorded streams of every API, and for how many choices each was asked. */
const RECORDINGS = [
  ["completions.sse", 1],
  ["completions_prompts.sse", 2],
  ["chat.sse", 1],
  ["chat_progress.sse", 1],
  ["chat_two_choices.sse", 2],
  ["native.sse", 1],
  ["native_prompts.sse", 2],
  ["responses.sse", 1],
  ["messages.sse", 1],
] as const;

for (const [name, choices] of RECORDINGS) {
  Deno.test(`every byte of a recorded stream (${name}) is passed on, however it is sliced, and its end is found`, () => {
    const bytes = read(name);
    const whole = passOn([bytes], choices);
    assertEquals(whole.text, new TextDecoder().decode(bytes));
    assertEquals(whole.kinds.filter((kind) => kind === "terminal").length, 1);
    assertEquals(whole.kinds.at(-1), "terminal");
    assert((whole.completion?.usage.completionTokens ?? 0) > 0 || name === "chat_progress.sse");
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 40 }), (sizes) => {
        assertEquals(passOn(slicedBy(bytes, sizes), choices), whole);
      }),
    );
  });

  Deno.test(`a recorded stream (${name}) that is cut anywhere before its end is truncated`, () => {
    const bytes = read(name);
    const text = new TextDecoder().decode(bytes);
    // Behind the last choice's finish reason the answer is whole.
    const last = Math.max(
      text.lastIndexOf('"finish_reason":"'),
      text.lastIndexOf('"stop":true'),
      text.lastIndexOf("event: "),
    );
    fc.assert(fc.property(fc.integer({ min: 0, max: new TextEncoder().encode(text.slice(0, last)).length }), (at) => {
      assertEquals(passOn([bytes.subarray(0, at)], choices).error?.kind, "truncated");
    }));
  });
}

Deno.test("the texts of every API's recorded streams are read, and they end as their whole answers do", () => {
  for (const name of ["responses", "messages"]) {
    const { fragments, completion } = decode([read(`${name}.sse`)]);
    assertEquals(fragments.length > 10, true, name);
    const answer = JSON.parse(new TextDecoder().decode(read(`${name}.whole`)));
    const [{ content }] = answer.output ?? [{ content: answer.content }];
    if (name === "responses") assertEquals(fragments.join(""), content[0].text);
    assertEquals(completion?.usage, { promptTokens: 55, completionTokens: 24, totalTokens: 79 }, name);
    assertEquals(completion?.finishReason, name === "messages" ? "length" : "stop");
  }
});

function slicedBy(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = start + (sizes[pieces.length % sizes.length] ?? 1);
    pieces.push(bytes.subarray(start, end));
    start = end;
  }
  return pieces;
}
