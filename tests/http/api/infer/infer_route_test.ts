import { assertEquals } from "@std/assert";
import { ModeldError } from "../../../../src/base/errors.ts";
import { COMPLETION, textEvent, untilAborted } from "../../fake_fleet.ts";
import { bodyOf, parseLines, withServer } from "../../with_server.ts";

const FINAL = {
  done: true,
  content: "Hello world",
  finish_reason: "stop",
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
};

Deno.test("a stream is one line for each fragment and then the final line", () =>
  withServer(async ({ infer, observer }) => {
    const reply = await infer({ prompt: "hi" });
    assertEquals(reply.status, 200);
    assertEquals(reply.headers.get("content-type"), "application/x-ndjson");
    assertEquals(reply.headers.get("cache-control"), "no-store");
    assertEquals(reply.headers.get("x-accel-buffering"), "no");
    assertEquals(parseLines(await reply.text()), [{ token: "Hello" }, { token: " world" }, FINAL]);
    assertEquals(await observer.outcomes(), ["ok"]);
    assertEquals(observer.results, [{ outcome: "ok", status: 200, usage: COMPLETION.usage, finishReason: "stop" }]);
  }));

Deno.test("a fragment leaves as soon as it comes, not with the next one", () =>
  withServer(async ({ infer, fleet }) => {
    const { promise: running, resolve } = Promise.withResolvers<Parameters<typeof fleet.script>[0]>();
    fleet.script = (exchange) => resolve(exchange.push("a"));
    const reply = await infer({ prompt: "hi" });
    const exchange = await running;
    const lines = bodyOf(reply).pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await lines.read()).value, '{"token":"a"}\n');
    exchange.push("b");
    assertEquals((await lines.read()).value, '{"token":"b"}\n');
    exchange.complete();
    assertEquals(parseLines((await lines.read()).value ?? ""), [{ ...FINAL, content: "ab" }]);
    assertEquals((await lines.read()).done, true);
  }));

Deno.test("stream false gives the final line alone", () =>
  withServer(async ({ infer }) => {
    const reply = await infer({ prompt: "hi", stream: false });
    assertEquals(reply.headers.get("content-type"), "application/x-ndjson");
    assertEquals(parseLines(await reply.text()), [FINAL]);
  }));

Deno.test("stream null streams, as a missing stream does", () =>
  withServer(async ({ infer }) => {
    assertEquals(parseLines(await (await infer({ prompt: "hi", stream: null })).text()).length, 3);
  }));

Deno.test("timings are passed on as llama-server sent them", () =>
  withServer(async ({ infer, fleet }) => {
    fleet.script = (exchange) => exchange.complete({ ...COMPLETION, timings: { predicted_ms: 1.5 } });
    assertEquals(parseLines(await (await infer({ prompt: "hi" })).text()), [
      { ...FINAL, content: "", timings: { predicted_ms: 1.5 } },
    ]);
  }));

Deno.test("the session that a client names counts as a part of its prompt, for the choice of a server", () =>
  withServer(async ({ infer, fleet }) => {
    const json = { "Content-Type": "application/json" };
    for (const headers of [json, { ...json, "X-Session-Id": "chat 7" }]) {
      await (await infer({ prompt: "hi" }, { headers })).text();
    }
    const prompts = fleet.calls.map(({ request }) => request.prompt?.());
    assertEquals(prompts.map((prompt) => [prompt?.bytes, prompt?.session !== undefined]), [[2, false], [2, true]]);
  }));

Deno.test("what the client asked for reaches llama-server, field by field, and no header of its own", () =>
  withServer(async ({ infer, fleet }) => {
    const reply = await infer({
      prompt: "hi",
      model: "tiny",
      max_tokens: 7,
      temperature: 0,
      top_p: 0.5,
      top_k: 0,
      seed: 42,
      repeat_penalty: 1.1,
      stop: ["\n"],
      unknown: { ignored: true },
    }, {
      headers: {
        "Content-Type": "application/json",
        "X-Request-Id": "abc",
        "TE": "trailers",
        "Authorization": "Bearer x",
      },
    });
    await reply.text();
    assertEquals(fleet.calls[0]?.sent, {
      prompt: "hi",
      model: "tiny",
      maxTokens: 7,
      temperature: 0,
      topP: 0.5,
      topK: 0,
      seed: 42,
      repeatPenalty: 1.1,
      stop: ["\n"],
      headers: { "x-request-id": "abc" },
    });
  }));

Deno.test("an error before the first line is a plain HTTP error", () =>
  withServer(async ({ infer, fleet, observer }) => {
    fleet.script = () => {
      throw new ModeldError("queue_full", "too busy: tiny", { retryAfterSeconds: 3 });
    };
    const reply = await infer({ prompt: "hi" });
    assertEquals(reply.status, 429);
    assertEquals(reply.headers.get("content-type"), "application/json");
    assertEquals(reply.headers.get("retry-after"), "3");
    assertEquals(reply.headers.get("cache-control"), "no-store");
    assertEquals(await reply.json(), { error: "too busy: tiny", code: 429, type: "queue_full" });
    assertEquals(observer.results, [{
      outcome: "rejected",
      status: 429,
      error: { kind: "queue_full", message: "too busy: tiny" },
    }]);
  }));

Deno.test("an exchange that fails before its first fragment is a plain HTTP error", () =>
  withServer(async ({ infer, fleet }) => {
    const failure = new ModeldError("upstream_invalid", "context exceeded", {
      upstreamType: "exceed_context_size_error",
    });
    fleet.script = (exchange) => exchange.fail(failure);
    const reply = await infer({ prompt: "hi" });
    assertEquals(reply.status, 400);
    assertEquals(await reply.json(), {
      error: "context exceeded",
      code: 400,
      type: "upstream_invalid",
      upstream_type: "exceed_context_size_error",
    });
  }));

Deno.test("an error after the first line ends the stream with one error line and no final line", () =>
  withServer(async ({ infer, fleet, observer }) => {
    fleet.script = (exchange) => exchange.push("a").fail(new ModeldError("truncated", "cut"));
    const reply = await infer({ prompt: "hi" });
    assertEquals(reply.status, 200);
    assertEquals(parseLines(await reply.text()), [{ token: "a" }, { error: "cut", code: 500, type: "truncated" }]);
    assertEquals(await observer.outcomes(), ["truncated"]);
    assertEquals(observer.results[0]?.status, 200);
  }));

Deno.test("with stream false a failure at any time is a plain HTTP error", () =>
  withServer(async ({ infer, fleet }) => {
    fleet.script = (exchange) => exchange.push("a").fail(new ModeldError("truncated", "cut"));
    const reply = await infer({ prompt: "hi", stream: false });
    assertEquals(reply.status, 500);
    assertEquals(await reply.json(), { error: "cut", code: 500, type: "truncated" });
  }));

Deno.test("a defect of modeld is a 500 that tells the client nothing of its inside", () =>
  withServer(async ({ infer, fleet }) => {
    fleet.script = () => {
      throw new TypeError("secret is not a function");
    };
    const reply = await infer({ prompt: "hi" });
    assertEquals(reply.status, 500);
    assertEquals(await reply.json(), {
      error: "internal error; modeld's log says more",
      code: 500,
      type: "internal",
    });
  }));

Deno.test("a client that leaves while its request waits ends it at once", () =>
  withServer(async ({ infer, fleet, observer }) => {
    fleet.script = (_, { signal }) => untilAborted(signal);
    const client = new AbortController();
    const reply = infer({ prompt: "hi" }, { signal: client.signal }).catch((error) => error.name);
    await fleet.called();
    client.abort();
    assertEquals(await reply, "AbortError");
    assertEquals(await observer.outcomes(), ["cancelled"]);
    assertEquals(observer.results[0]?.status, 499);
  }));

for (const stream of [true, false]) {
  Deno.test(`a client that leaves while its prompt is processed (stream ${stream}) ends it at once`, () =>
    withServer(async ({ infer, fleet, observer }) => {
      fleet.script = () => {};
      const client = new AbortController();
      const reply = infer({ prompt: "hi", stream }, { signal: client.signal }).catch((error) => error.name);
      await fleet.called();
      client.abort();
      assertEquals(await reply, "AbortError");
      assertEquals(await observer.outcomes(), ["cancelled"]);
    }));
}

Deno.test("a client that leaves mid-stream ends the exchange at once", () =>
  withServer(async ({ infer, fleet, observer }) => {
    fleet.script = (exchange) => exchange.push("a");
    const reply = await infer({ prompt: "hi" });
    const reader = bodyOf(reply).getReader();
    await reader.read();
    await reader.cancel();
    assertEquals(await observer.outcomes(), ["cancelled"]);
    assertEquals(fleet.inUse, 0);
  }));

Deno.test("reasoning is told of in the final line where it was not asked for", () =>
  withServer(async ({ infer, fleet }) => {
    fleet.script = (exchange) => exchange.events(textEvent("", { reasoning: "Hmm." })).push("Yes").complete();
    assertEquals(parseLines(await (await infer({ prompt: "hi" })).text()), [
      { token: "Yes" },
      { ...FINAL, content: "Yes", reasoning_chars: 4 },
    ]);
  }));

Deno.test("with reasoning true each piece of reasoning is a line", () =>
  withServer(async ({ infer, fleet }) => {
    fleet.script = (exchange) => exchange.events(textEvent("", { reasoning: "Hmm." })).push("Yes").complete();
    assertEquals(parseLines(await (await infer({ prompt: "hi", reasoning: true })).text()), [
      { reasoning: "Hmm." },
      { token: "Yes" },
      { ...FINAL, content: "Yes" },
    ]);
  }));

Deno.test("a tool call is an error, not an empty answer", () =>
  withServer(async ({ infer, fleet }) => {
    fleet.script = (exchange) => exchange.events(textEvent("", { isToolCall: true })).complete();
    const reply = await infer({ prompt: "hi" });
    assertEquals([reply.status, (await reply.json()).type], [500, "protocol"]);
  }));

Deno.test("an answer beyond the limit is ended, and llama-server is aborted", () =>
  withServer(async ({ infer, fleet, observer }) => {
    fleet.script = (exchange) => exchange.flow("x".repeat(100));
    const lines = parseLines(await (await infer({ prompt: "hi" })).text()) as { type?: string }[];
    assertEquals(lines.at(-1)?.type, "answer_too_large");
    assertEquals([await observer.outcomes(), fleet.inUse], [["upstream_error"], 0]);
  }, { maxAnswerBytes: 1_000 }));

Deno.test("fields that /infer does not know are named in X-Modeld-Ignored, those with odd names left out", () =>
  withServer(async ({ infer }) => {
    const unknown = { prompt: "hi", n_predict: 4, "x-y.z": 1, "a b": 2, "ü": 3 };
    const reply = await infer(unknown);
    await reply.text();
    assertEquals(reply.headers.get("x-modeld-ignored"), "n_predict, x-y.z");
    const known = await infer({ prompt: "hi", progress: false });
    await known.text();
    assertEquals(known.headers.has("x-modeld-ignored"), false);
    const many = await infer({
      prompt: "hi",
      ...Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`f${at}`, at])),
    });
    await many.text();
    assertEquals(many.headers.get("x-modeld-ignored")?.split(", ").length, 16);
  }));

Deno.test("a chat sent to /infer is told where chats go, unless it has a prompt too", () =>
  withServer(async ({ infer }) => {
    const chat = { messages: [{ role: "user", content: "hi" }], max_tokens: "many" };
    const refused = await infer(chat);
    assertEquals([refused.status, (await refused.json()).error], [
      400,
      "this is /infer: send prompt, or use /v1/chat/completions for messages",
    ]);
    const both = await infer({ prompt: "hi", messages: [] });
    await both.text();
    assertEquals([both.status, both.headers.get("x-modeld-ignored")], [200, "messages"]);
  }));
