import { assertEquals, assertMatch } from "@std/assert";
import type { Exchange } from "../../../support/raw_http_server.ts";
import { chunk, head, LAST_CHUNK, replyJson, replyStream, STREAM_HEAD } from "../../../support/replies.ts";
import { V1_WIRES } from "../../../support/v1_wire.ts";
import {
  chatStream,
  completionStream,
  completionToken,
  errorBody,
  sse,
  SSE_PING,
} from "../../../support/wire_streams.ts";
import { bodyOf } from "../../with_server.ts";
import { post, withLlama } from "./with_llama.ts";

/** What describes the connection to llama-server, or llama-server itself, and is none of the client's business. */
const HOP_BY_HOP = {
  "Connection": "X-Hop, close",
  "X-Hop": "1",
  "Keep-Alive": "timeout=5, max=100",
  "Proxy-Authenticate": "Basic",
  "Trailer": "X-Checksum",
  "Upgrade": "h2c",
  "Server": "llama.cpp",
  "Set-Cookie": "session=1",
  "Access-Control-Allow-Origin": "*",
};

Deno.test("of llama-server's headers only the type of its answer is passed on", async () => {
  await withLlama(async ({ url, llama }) => {
    const answers: Record<number, string> = { 200: `{"choices":[]}`, 400: errorBody(400, "too long") };
    for (const [status, body] of Object.entries(answers)) {
      llama.next(async (exchange) => {
        const length = { "Content-Type": "application/json; charset=utf-8", "Content-Length": String(body.length) };
        await exchange.send(head(Number(status), { ...length, ...HOP_BY_HOP }) + body);
        await exchange.close();
      });
      const reply = await post(url, "/v1/completions", `{"prompt":"Once"}`);
      assertEquals([reply.status, await reply.text()], [Number(status), body]);
      assertEquals(reply.headers.get("content-type"), "application/json; charset=utf-8");
      const passed = Object.keys(HOP_BY_HOP).filter((name) => reply.headers.has(name));
      assertEquals(passed, []);
    }
  });
});

Deno.test("of a client's headers only its request id is passed on, and comes back as each API has it", async () => {
  await withLlama(async ({ url, llama }) => {
    for (const { path, body } of V1_WIRES) {
      const reply = await post(url, path, JSON.stringify(body), {
        "X-Request-Id": "mine",
        "X-Conversation-Id": "7",
        "x-api-key": "client-secret",
        "anthropic-version": "2023-06-01",
        "Cookie": "session=client-secret",
      });
      await reply.text();
      const sent = llama.posts.at(-1);
      assertEquals([sent?.headers.get("x-request-id"), sent?.headers.get("x-conversation-id")], ["mine", null], path);
      assertEquals(/client-secret|anthropic/.test(sent?.head ?? ""), false, path);
      assertEquals(reply.headers.get("x-request-id"), "mine");
      assertEquals(reply.headers.get("request-id"), path === "/v1/messages" ? "mine" : null);
      assertEquals([reply.headers.get("cache-control"), reply.headers.get("x-accel-buffering")], ["no-store", "no"]);
    }
  });
});

Deno.test("a wrong method on a path of /v1 is 405 in the API's own shape, with Allow", async () => {
  await withLlama(async ({ url }) => {
    for (
      const [path, shape] of [["/v1/chat/completions", /^\{"error":\{"message":"GET /], [
        "/v1/messages",
        /^\{"type":"error","error":/,
      ]] as const
    ) {
      const reply = await fetch(url + path);
      assertEquals([reply.status, reply.headers.get("allow")], [405, "POST"]);
      assertMatch(await reply.text(), shape);
    }
  });
});

Deno.test("a pinned slot is left out of the body, whatever it is", async () => {
  await withLlama(async ({ url, llama }) => {
    for (const slot of ["1", "-1", "null", `{"a":[1]}`]) {
      await (await post(url, "/v1/completions", `{"prompt":"Once", "id_slot" : ${slot} }`)).text();
      assertEquals(llama.posts.at(-1)?.body, `{"prompt":"Once" }`);
    }
  });
});

/** Asks for something of several tasks, of which llama-server counts one. */
const TASKS = {
  "/v1/completions": { prompt: ["a", "b", "c"] },
  "/v1/chat/completions": { messages: [], n: 3, stream: true },
};

for (const [path, body] of Object.entries(TASKS)) {
  Deno.test(`the usage of several tasks on ${path} is charged for each of them, and marked as estimated`, async () => {
    await withLlama(async ({ url, llama, observer }) => {
      const usage = { prompt: 2, completion: 4 };
      const finished = (index: number) => sse({ choices: [{ index, delta: {}, finish_reason: "stop" }] });
      llama.next((exchange) =>
        "n" in body
          ? replyStream(exchange, finished(0) + finished(1) + chatStream([" a"], "stop", usage))
          : replyJson(exchange, 200, {
            choices: [],
            usage: { prompt_tokens: 2, completion_tokens: 4, total_tokens: 6 },
          })
      );
      await (await post(url, path, JSON.stringify(body))).text();
      await observer.outcomes();
      const [result] = observer.results;
      assertEquals(result?.usage, { promptTokens: 6, completionTokens: 12, totalTokens: 18 });
      assertEquals(result?.usageIsEstimated, true);
    });
  });
}

Deno.test("embeddings are counted by llama-server for all inputs together, so they are charged as they are", async () => {
  await withLlama(async ({ url, llama, observer }) => {
    const usage = { prompt_tokens: 6, total_tokens: 6 };
    llama.on("POST /v1/embeddings", (exchange) => replyJson(exchange, 200, { data: [], usage }));
    await (await post(url, "/v1/embeddings", `{"input":["a","b","c"]}`)).text();
    await observer.outcomes();
    const [result] = observer.results;
    assertEquals([result?.usage?.totalTokens, result?.usageIsEstimated], [6, undefined]);
  });
});

Deno.test("a whole answer is passed on piece by piece, and --max-answer-bytes does not count for it", async () => {
  await withLlama(async ({ url, llama }) => {
    const { promise: read, resolve: go } = Promise.withResolvers<void>();
    llama.next(async (exchange) => {
      await exchange.send(head(200, { "Content-Type": "application/json", "Transfer-Encoding": "chunked" }));
      await exchange.send(chunk(`{"choices":[`));
      await read;
      await exchange.send(chunk(`],"x":"${"x".repeat(100_000)}"}`) + LAST_CHUNK);
      await exchange.close();
    });
    const reply = await post(url, "/v1/completions", `{"prompt":"Once"}`);
    const reader = bodyOf(reply).pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await reader.read()).value, `{"choices":[`);
    go();
    let rest = "";
    for (let piece; (piece = await reader.read()).value !== undefined;) rest += piece.value;
    assertEquals(rest.length, `],"x":"${"x".repeat(100_000)}"}`.length);
  }, { maxAnswerBytes: 1_000 });
});

Deno.test("heartbeats go on after llama-server's own pings, and end with the first event", async () => {
  await withLlama(async ({ url, llama }) => {
    const { promise: taken, resolve } = Promise.withResolvers<Exchange>();
    llama.next(async (exchange) => {
      resolve(exchange);
      await exchange.gone;
    });
    const reply = await post(url, "/v1/completions", `{"prompt":"Once","stream":true}`);
    const exchange = await taken;
    const reader = bodyOf(reply).pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await reader.read()).value, ": wait\n\n");
    await exchange.send(STREAM_HEAD + chunk(SSE_PING));
    let text = "";
    while (!/:\n\n.*: wait\n\n/s.test(text)) text += (await reader.read()).value;
    await exchange.send(chunk(completionToken(" upon")));
    while (!text.includes("upon")) text += (await reader.read()).value;
    await new Promise((resolve) => setTimeout(resolve, 100)); // five more would have come
    await exchange.send(chunk(completionStream([" a"])) + LAST_CHUNK);
    text = "";
    for (let piece; (piece = await reader.read()).value !== undefined;) text += piece.value;
    assertEquals(text, completionStream([" a"]));
  }, { heartbeat: 20 });
});

Deno.test("what a client hears of its prompt is no first token", async () => {
  await withLlama(async ({ url, llama, observer }) => {
    const progress = { total: 9, cache: 0, processed: 4, time_ms: 1 };
    const event = sse({ choices: [{ text: "", index: 0, finish_reason: null }], prompt_progress: progress });
    llama.next((exchange) => replyStream(exchange, event));
    const body = `{"prompt":"Once","stream":true,"return_progress":true}`;
    const text = await (await post(url, "/v1/completions", body)).text();
    assertEquals(text.startsWith(event), true);
    await observer.outcomes();
    assertEquals(observer.timelines.map(({ stage, fragments }) => [stage, fragments]), [["prefill", 0]]);
  });
});

Deno.test("calls without a slot are bounded: the 65th at once is 503 overloaded, and is served when one has ended", async () => {
  await withLlama(async ({ url, llama }) => {
    const waiting: Exchange[] = [];
    const { promise: full, resolve } = Promise.withResolvers<void>();
    llama.on("POST /tokenize", (exchange) => {
      waiting.push(exchange);
      if (waiting.length === 64) resolve();
      return exchange.gone;
    });
    const calls = Array.from({ length: 64 }, () => post(url, "/tokenize", `{"content":"Once"}`));
    await full;
    const refused = await post(url, "/v1/messages/count_tokens", `{"messages":[]}`);
    assertEquals([refused.status, (await refused.json()).error.type], [503, "overloaded_error"]);
    assertEquals([refused.headers.get("x-should-retry"), refused.headers.get("retry-after-ms")], ["true", "1000"]);
    for (const exchange of waiting) await replyJson(exchange, 200, { tokens: [1] });
    for (const reply of await Promise.all(calls)) assertEquals(await reply.text(), `{"tokens":[1]}`);
    llama.on("POST /tokenize", (exchange) => replyJson(exchange, 200, { tokens: [1] }));
    assertEquals((await (await post(url, "/tokenize", `{"content":"Once"}`)).json()).tokens, [1]);
  });
});

Deno.test("an alias is resolved before the fleet is asked, and a router gets its own name in the body", async () => {
  await withLlama(async ({ url, llama, one }) => {
    one.routerModel = "qwen3";
    await (await post(url, "/v1/completions", `{"model":"gpt-4o", "prompt":"Once"}`)).text();
    assertEquals(llama.posts.at(-1)?.body, `{"model":"qwen3", "prompt":"Once"}`);
    assertEquals(one.asked.at(-1)?.model, "qwen3-8b");
    await (await post(url, "/v1/completions", `{"prompt":"Once"}`)).text();
    assertEquals([llama.posts.at(-1)?.body, one.asked.at(-1)?.model], [`{"model":"qwen3","prompt":"Once"}`, undefined]);
  }, { aliases: { "gpt-4o": "qwen3-8b" } });
});
