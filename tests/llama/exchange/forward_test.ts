import { assert, assertEquals, assertRejects } from "@std/assert";
import { ModeldError } from "../../../src/base/errors.ts";
import type { ForwardRequest, LlamaServer } from "../../../src/llama/llama_server.ts";
import { head, replyJson, replyStream } from "../../support/replies.ts";
import { chatStream, errorBody } from "../../support/wire_streams.ts";
import { connectionClosed, never, readText, withFake } from "../server_under_test.ts";

const utf8 = new TextEncoder();
const PATH = "/v1/chat/completions";

function request(fields: Partial<ForwardRequest> = {}): ForwardRequest {
  const body = ['{"messages":[],', '"stream":true}'].map((text) => utf8.encode(text));
  return { path: PATH, body, stream: true, choices: 1, timeout: 0, headers: { "x-request-id": "r-1" }, ...fields };
}

async function failureOf(llama: LlamaServer, fields: Partial<ForwardRequest> = {}): Promise<ModeldError> {
  return await assertRejects(async () => await readText(await llama.forward(request(fields), never)), ModeldError);
}

Deno.test("a body in several pieces reaches the server byte for byte, and can be sent again", async () => {
  await withFake({}, async (fake, llama) => {
    const twice = request();
    for (const _ of ["here", "and elsewhere"]) {
      fake.next((exchange) => replyStream(exchange, chatStream(["a"])));
      await readText(await llama.forward(twice, never));
    }
    assertEquals(fake.posts.map(({ body }) => body), Array(2).fill('{"messages":[],"stream":true}'));
    assertEquals(fake.posts[0]?.headers.get("x-request-id"), "r-1");
    assertEquals(fake.posts[0]?.headers.get("content-type"), "application/json");
  });
});

Deno.test("a stream is passed on as it came", async () => {
  await withFake({}, async (fake, llama) => {
    const stream = `: wait\n\n${chatStream([" a", "ü€𝄞"])}`;
    fake.next((exchange) => replyStream(exchange, stream));
    const exchange = await llama.forward(request(), never);
    assertEquals([exchange.isStream, exchange.contentType], [true, "text/event-stream"]);
    assertEquals(await readText(exchange), stream);
    assertEquals(exchange.completion?.usage.completionTokens, 2);
  });
});

Deno.test("a whole answer is passed on as it came, in pieces without events", async () => {
  await withFake({}, async (fake, llama) => {
    const whole = JSON.stringify({
      choices: [{ finish_reason: "length", message: { content: "x".repeat(300_000) } }],
      usage: { prompt_tokens: 1, completion_tokens: 2 },
    });
    fake.next((exchange) => replyJson(exchange, 200, whole));
    const exchange = await llama.forward(request({ stream: false }), never);
    assert(!exchange.isStream);
    assertEquals(await readText(exchange), whole);
    assertEquals(exchange.completion?.finishReason, "length");
    assertEquals(exchange.completion?.usage.totalTokens, 3);
  });
});

Deno.test("a whole answer that is shorter than its Content-Length is truncated", async () => {
  await withFake({}, async (fake, llama) => {
    fake.next(async (exchange) => {
      await exchange.send(head(200, { "Content-Type": "application/json", "Content-Length": "99" }) + "{}");
      await exchange.close();
    });
    assertEquals((await failureOf(llama, { stream: false })).kind, "truncated");
  });
});

Deno.test("an error that the server answered is in the error as it came, its key masked", async () => {
  await withFake({ apiKey: "s3cret" }, async (fake, llama) => {
    const body = errorBody(400, "no: s3cret", "exceed_context_size_error", { n_prompt_tokens: 9, n_ctx: 5 });
    fake.next((exchange) => replyJson(exchange, 400, body));
    const error = await failureOf(llama);
    assertEquals([error.kind, error.begun, error.message], ["upstream_invalid", "no", "no: ***"]);
    assertEquals(error.reply, {
      status: 400,
      contentType: "application/json; charset=utf-8",
      body: body.replace("s3cret", "***"),
    });
  });
});

for (
  const [status, type, kind, begun] of [
    [404, "not_found_error", "upstream_refused", "no"],
    [501, "not_supported_error", "upstream_refused", "no"],
    [503, "unavailable_error", "loading", "no"],
    [500, "server_error", "upstream_error", "maybe"],
  ] as const
) {
  Deno.test(`an answer of ${status} proves ${begun === "no" ? "that nothing began" : "nothing"}`, async () => {
    await withFake({}, async (fake, llama) => {
      fake.next((exchange) => replyJson(exchange, status, errorBody(status, "no", type)));
      const error = await failureOf(llama);
      assertEquals([error.kind, error.begun, error.reply?.status], [kind, begun, status]);
      assertEquals(fake.posts.length, 1);
    });
  });
}

Deno.test("a request's own deadline ends it, and is named", async () => {
  await withFake({}, async (fake, llama) => {
    fake.next((exchange) => exchange.gone);
    const error = await failureOf(llama, { timeout: 64 });
    assertEquals(error.kind, "llama_timeout");
    assert(error.message.includes("--v1-timeout"));
    await connectionClosed(fake);
  });
});
