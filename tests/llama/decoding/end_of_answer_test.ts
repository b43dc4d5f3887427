import { assert, assertEquals } from "@std/assert";
import { ModeldError } from "../../../src/base/errors.ts";
import { WholeDecoder } from "../../../src/llama/stream/whole_decoder.ts";
import {
  chatEnd,
  chatToken,
  completionEnd,
  completionToken,
  errorBody,
  nativeEnd,
  nativeToken,
  sse,
  SSE_DONE,
} from "../../support/wire_streams.ts";
import { decodeText, newDecoder, passOn, recording, sliced } from "./decoding.ts";

const utf8 = new TextEncoder();

function usageOf(usage: unknown): unknown {
  const { completion } = decodeText(sse({ choices: [{ text: "", finish_reason: "stop" }], usage }) + SSE_DONE);
  return [completion?.usage, completion?.usageIsInvalid ?? false];
}

for (const count of [-1, 1.5, 2 ** 53, 2 ** 31 + 1, 1e308, "7", {}, [], true]) {
  Deno.test(`a token count of ${JSON.stringify(count)} counts as 0, with a note that it is invalid`, () => {
    assertEquals(usageOf({ prompt_tokens: count, completion_tokens: 2 }), [
      { promptTokens: 0, completionTokens: 2, totalTokens: 2 },
      true,
    ]);
  });
}

Deno.test("a token count that is missing is no mistake; null, llama-server's NaN, is one", () => {
  assertEquals(usageOf({}), [{ promptTokens: 0, completionTokens: 0, totalTokens: 0 }, false]);
  assertEquals(usageOf({ prompt_tokens: null }), [{ promptTokens: 0, completionTokens: 0, totalTokens: 0 }, true]);
});

Deno.test("an answer with several choices is whole when each has its finish reason, not before", () => {
  const choice = (index: number, reason: string | null) =>
    sse({ choices: [{ index, delta: { content: "x" }, finish_reason: reason }] });
  const one = choice(0, null) + choice(1, null) + choice(1, "stop");
  assertEquals(decodeText(one, 2).error?.kind, "truncated");
  assertEquals(decodeText(one + choice(1, "stop"), 2).error?.kind, "truncated", "the same choice again");
  assertEquals(decodeText(one + choice(0, "length"), 2).completion?.finishReason, "length");
});

Deno.test("a native answer for several prompts ends with the last of their stops", () => {
  const one = nativeToken("a") + nativeEnd();
  assertEquals(passOn([utf8.encode(one)], 2).error?.kind, "truncated");
  const both = one + nativeEnd("eos", undefined, { index: 1 });
  assertEquals(passOn([utf8.encode(both)], 2).kinds, ["data", "data", "terminal"]);
});

Deno.test("events behind the terminal one are not passed on", () => {
  const stream = completionToken(" a") + completionEnd() + SSE_DONE;
  assertEquals(passOn([utf8.encode(stream + completionToken(" b"))]).text, stream);
});

Deno.test("a token that is passed on is not parsed, until its view is asked for", () => {
  const parsed = countingParses(() => passOn([utf8.encode(chatToken("a").repeat(100))]));
  assertEquals(parsed, 0);
  assertEquals(countingParses(() => decodeText(chatToken("a").repeat(100))), 100);
});

Deno.test("timings with every token cost two parses at the end, and the last ones count", () => {
  const token = (n: number) => sse({ choices: [{ text: "x", index: 0 }], timings: { predicted_n: n } });
  const stream = utf8.encode(Array.from({ length: 100 }, (_, n) => token(n)).join("") + SSE_DONE);
  let timings: unknown;
  assertEquals(countingParses(() => timings = passOn([stream]).completion?.timings), 2);
  assertEquals(timings, { predicted_n: 99 });
});

Deno.test("keys of an end or an error within generated text are no end and no error", () => {
  const text = '{"stop":true,"error":1,"finish_reason":"stop","type":"message_stop","usage":{}} data: [DONE]\n\n';
  const { kinds, error } = passOn([utf8.encode(chatToken(text) + nativeToken(text))]);
  assertEquals([kinds, error?.kind], [["data", "data"], "truncated"]);
});

Deno.test("a finish reason, an error's type and its message are clipped, however long they are", () => {
  const long = "x".repeat(1_500_000);
  assertEquals(decodeText(completionEnd(long)).completion?.finishReason.length, 256);
  const { end } = newDecoder().push(utf8.encode(sse({ error: { message: long, type: long, code: 500 } })));
  assert(end instanceof ModeldError);
  assertEquals(end.upstreamType?.length, 256);
  assert(end.message.length < 400);
  assertEquals(end.reply, undefined, "too long to be passed on");
});

for (
  const [what, nested] of [
    ["arrays", `{"error":${"[".repeat(300_000)}${"]".repeat(300_000)}}`],
    ["errors", `${'{"error":'.repeat(300_000)}1${"}".repeat(300_000)}`],
    ["timings", `{"content":"","stop":true,"timings":{"a":${"[".repeat(300_000)}${"]".repeat(300_000)}}}`],
  ] as const
) {
  Deno.test(`${what} nested 300,000 deep overflow no stack`, () => {
    const { completion, error } = decodeText(`data: ${nested}\n\n`);
    if (what === "timings") assertEquals(JSON.stringify(completion?.timings), "{}");
    else assertEquals(error?.kind, "upstream_error");
  });
}

Deno.test("an error in a stream carries llama-server's own event, with the key masked, and may have begun", () => {
  const body = errorBody(400, "bad key s3cret", "exceed_context_size_error", { n_ctx: 512 });
  const { end } = newDecoder().push(utf8.encode(`data: ${body}\n\n`));
  assert(end instanceof ModeldError);
  assertEquals([end.kind, end.begun, end.message], ["upstream_invalid", "maybe", "bad key ***"]);
  assertEquals(end.reply, {
    status: 400,
    contentType: "application/json",
    body: body.replace("s3cret", "***"),
  });
});

for (
  const [name, stream, message] of [
    [
      "Anthropic's",
      `event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n`,
      "busy",
    ],
    ["Anthropic's without its name", sse({ type: "error", error: { type: "api_error", message: "boom" } }), "boom"],
    ["a failed response", sse({ type: "response.failed", response: { error: { message: "no room" } } }), "no room"],
    ["Responses' own", sse({ type: "error", message: "boom", code: "server_error" }), "boom"],
  ] as const
) {
  Deno.test(`an error event (${name}) ends the answer with its words`, () => {
    assertEquals(decodeText(stream).error, { kind: "upstream_error", message: `adapter generate: ${message}` });
  });
}

Deno.test("reasoning, tool calls and progress are seen", () => {
  const events = [
    { choices: [{ delta: { reasoning_content: "hm" } }] },
    { choices: [{ delta: { tool_calls: [{ index: 0, function: { name: "f" } }] } }] },
    { choices: [{ delta: { function_call: { name: "f" } } }] },
    { choices: [{ delta: { content: null } }], prompt_progress: { total: 9, cache: 0, processed: 4, time_ms: 1 } },
    { type: "response.reasoning_text.delta", delta: "hm" },
    { type: "response.function_call_arguments.delta", delta: "{" },
    { type: "content_block_delta", delta: { type: "thinking_delta", thinking: "hm" } },
    { type: "content_block_start", content_block: { type: "tool_use" } },
  ];
  const { batch } = newDecoder().push(utf8.encode(events.map(sse).join("")));
  const views = batch?.events.map(({ view }) => [view.reasoning, view.isToolCall, view.progress]);
  assertEquals(views, [
    ["hm", false, undefined],
    ["", true, undefined],
    ["", true, undefined],
    ["", false, { total: 9, processed: 4 }],
    ["hm", false, undefined],
    ["", true, undefined],
    ["hm", false, undefined],
    ["", true, undefined],
  ]);
});

Deno.test("an answer is finished, and not yet whole, between its finish reason and its terminal event", () => {
  const decoder = newDecoder();
  decoder.push(utf8.encode(chatToken("a")));
  assert(!decoder.isFinished);
  assertEquals(decoder.push(utf8.encode(chatEnd())).end, undefined);
  assert(decoder.isFinished);
});

for (const name of ["completions", "chat", "native", "messages", "responses"]) {
  Deno.test(`a whole answer (${name}) says its usage and finish reason, in any pieces`, () => {
    for (const size of [1, 100, 100_000]) {
      const decoder = new WholeDecoder();
      for (const piece of sliced(recording(`${name}.whole`), size)) decoder.push(piece);
      const { end } = decoder.finish();
      assert(!(end instanceof ModeldError));
      assertEquals(end.usage.completionTokens, 24);
      assertEquals(end.finishReason, name === "responses" ? "stop" : "length");
    }
  });
}

Deno.test("a whole answer of megabytes says its usage, be it in front of the text or behind it", () => {
  const usage = {
    prompt_tokens: 3,
    completion_tokens: 4,
    total_tokens: 7,
    prompt_tokens_details: { cached_tokens: 1 },
  };
  const long = 'x"}'.repeat(1_000_000);
  const front = { model: "m", usage, data: long };
  const behind = { choices: [{ index: 0, finish_reason: "stop", text: long }], usage, timings: { predicted_n: 4 } };
  for (const answer of [front, behind]) {
    for (const size of [1_000, 100_000, 10_000_000]) {
      const decoder = new WholeDecoder();
      for (const piece of sliced(utf8.encode(JSON.stringify(answer)), size)) decoder.push(piece);
      const { end } = decoder.finish();
      assert(!(end instanceof ModeldError));
      assertEquals(end.usage, { promptTokens: 3, completionTokens: 4, totalTokens: 7 });
    }
  }
});

Deno.test("a whole answer without its last bracket is truncated", () => {
  const decoder = new WholeDecoder();
  decoder.push(utf8.encode('{"choices":[{"text":"a"'));
  const { end } = decoder.finish();
  assert(end instanceof ModeldError && end.kind === "truncated");
});

/** How often JSON is parsed meanwhile. */
function countingParses(work: () => unknown): number {
  const parse = JSON.parse;
  let count = 0;
  JSON.parse = (text, reviver) => {
    count++;
    return parse(text, reviver);
  };
  try {
    work();
  } finally {
    JSON.parse = parse;
  }
  return count;
}
