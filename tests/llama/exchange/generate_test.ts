import { assertEquals, assertRejects } from "@std/assert";
import { ModeldError } from "../../../src/base/errors.ts";
import { CANNED_TOKENS } from "../../support/canned_generation.ts";
import { chunk, CLOSE_DELIMITED_HEAD, head, LAST_CHUNK, replyJson, STREAM_HEAD } from "../../support/replies.ts";
import { completionStream, completionToken, errorBody, nativeStream, sse } from "../../support/wire_streams.ts";
import { connectionClosed, never, nextFragments, readAll, serverAt, withFake } from "../server_under_test.ts";

const REQUEST = { prompt: "Once" };
const EMPTY = head(200, { "Content-Length": "0" });
const NO_CONTENT = "HTTP/1.1 204 No Content\r\n\r\n";

for (
  const [mode, options, path] of [
    ["completions", {}, "/v1/completions"],
    ["chat", { chat: true }, "/v1/chat/completions"],
    ["native, asked for", { useOpenai: false }, "/completion"],
    ["native, for want of OpenAI's endpoints", { openai: false }, "/completion"],
    ["native, for want of OpenAI's endpoints, although chat is set", { openai: false, chat: true }, "/completion"],
  ] as const
) {
  Deno.test(`a generation streams from ${path} (${mode})`, async () => {
    await withFake(options, async (fake, llama) => {
      const { fragments, completion } = await readAll(await llama.generate(REQUEST, never));
      assertEquals(fragments, [...CANNED_TOKENS]);
      assertEquals(completion.finishReason, "stop");
      assertEquals(completion.usage.completionTokens, CANNED_TOKENS.length);
      assertEquals(fake.posts.map((post) => post.path), [path]);
    });
  });
}

Deno.test("the server is asked what it has once, and again after it was forgotten", async () => {
  await withFake({}, async (fake, llama) => {
    const probes = () => fake.requests.filter(({ path }) => path === "/v1/models").length;
    for (let i = 0; i < 3; i++) await readAll(await llama.generate(REQUEST, never));
    assertEquals(probes(), 1);
    llama.forget();
    await readAll(await llama.generate(REQUEST, never));
    assertEquals(probes(), 2);
  });
});

Deno.test("/completion-stream is tried where /completion is missing", async () => {
  await withFake({ useOpenai: false }, async (fake, llama) => {
    fake.on("POST /completion", (exchange) => replyJson(exchange, 404, errorBody(404, "File Not Found")));
    fake.on("POST /completion-stream", async (exchange) => {
      await exchange.send(CLOSE_DELIMITED_HEAD + nativeStream([" a"]));
      await exchange.close();
    });
    const { fragments } = await readAll(await llama.generate(REQUEST, never));
    assertEquals(fragments, [" a"]);
    assertEquals(fake.posts.map(({ path }) => path), ["/completion", "/completion-stream"]);
  });
});

Deno.test("/completion-stream is not tried after any other failure: it could generate twice", async () => {
  for (const status of [400, 401, 500, 503]) {
    await withFake({ useOpenai: false }, async (fake, llama) => {
      fake.next((exchange) => replyJson(exchange, status, errorBody(status, "no")));
      await assertRejects(() => llama.generate(REQUEST, never), ModeldError);
      assertEquals(fake.posts.map(({ path }) => path), ["/completion"]);
    });
  }
});

Deno.test("a path prefix and a trailing slash of the URL are kept", async () => {
  await withFake({}, async (fake) => {
    const paths: string[] = [];
    for (const path of ["/llama", "/llama/"]) {
      fake.on("GET /llama/v1/models", (exchange) => replyJson(exchange, 200, { data: [] }));
      fake.on("POST /llama/v1/completions", async (exchange) => {
        paths.push(exchange.request.target);
        await exchange.send(CLOSE_DELIMITED_HEAD + completionStream([" a"]));
        await exchange.close();
      });
      const llama = serverAt(new URL(path, fake.url));
      assertEquals((await readAll(await llama.generate(REQUEST, never))).fragments, [" a"]);
      llama.close();
    }
    assertEquals(paths, ["/llama/v1/completions", "/llama/v1/completions"]);
  });
});

Deno.test("the key goes with every call", async () => {
  await withFake({ apiKey: "s3cret", router: {} }, async (fake, llama) => {
    await llama.health(never);
    await llama.describe(never);
    await llama.models(never);
    await llama.load("tiny", never);
    await llama.capacity("tiny", never);
    await readAll(await llama.generate({ ...REQUEST, model: "tiny" }, never));
    await llama.unload("tiny", never);
    assertEquals(
      new Set(fake.requests.map(({ headers }) => headers.get("authorization"))),
      new Set(["Bearer s3cret"]),
    );
  });
});

Deno.test("modeld's own headers reach llama-server, and no others beyond what a request needs", async () => {
  await withFake({}, async (fake, llama) => {
    const headers = { "x-request-id": "r-1", traceparent: "00-1-2-03" };
    await readAll(await llama.generate({ ...REQUEST, headers }, never));
    assertEquals([...(fake.posts[0]?.headers.keys() ?? [])].sort(), [
      "accept",
      "accept-encoding",
      "accept-language",
      "content-type",
      "host",
      "traceparent",
      "transfer-encoding",
      "user-agent",
      "x-request-id",
    ]);
    assertEquals(fake.posts[0]?.headers.get("x-request-id"), "r-1");
  });
});

Deno.test("300 back-to-back generations succeed with one POST each, although the server closes after each", async () => {
  await withFake({ tokens: [" a"] }, async (fake, llama) => {
    for (let i = 0; i < 300; i++) await readAll(await llama.generate(REQUEST, never));
    assertEquals(fake.posts.length, 300);
  });
});

Deno.test("the connection is closed when a generation is complete, even if the server keeps it open", async () => {
  await withFake({ useOpenai: false }, async (fake, llama) => {
    fake.next(async (exchange) => {
      await exchange.send(CLOSE_DELIMITED_HEAD + completionStream([" a"]));
      await exchange.gone;
    });
    await readAll(await llama.generate(REQUEST, never));
    await connectionClosed(fake);
  });
});

Deno.test("fragments that arrive together come as one chunk", async () => {
  await withFake({}, async (fake, llama) => {
    fake.next(async (exchange) => {
      await exchange.send(CLOSE_DELIMITED_HEAD + completionToken(" a") + completionToken(" b"));
      await exchange.gone;
    });
    const generation = await llama.generate(REQUEST, never);
    assertEquals(await nextFragments(generation), [" a", " b"]);
    generation.cancel();
  });
});

Deno.test("fragments that arrive together with a failure are handed on before it", async () => {
  await withFake({}, async (fake, llama) => {
    fake.next(async (exchange) => {
      await exchange.send(CLOSE_DELIMITED_HEAD + completionToken(" a") + sse({ error: { message: "boom" } }));
      await exchange.gone;
    });
    const generation = await llama.generate(REQUEST, never);
    assertEquals(await nextFragments(generation), [" a"]);
    await assertRejects(() => generation.read(), ModeldError, "boom");
  });
});

Deno.test("a generation never goes over a connection that was used before: the server may be closing it", async () => {
  await withFake({ useOpenai: false }, async (fake, llama) => {
    for (let i = 0; i < 2; i++) {
      fake.next((exchange) => exchange.send(STREAM_HEAD + chunk(nativeStream([" a"])) + LAST_CHUNK));
      await readAll(await llama.generate(REQUEST, never));
    }
    assertEquals(fake.connectionCount, 2);
  });
});

for (const [what, reply] of [["an empty answer", EMPTY], ["an answer without a body", NO_CONTENT]] as const) {
  Deno.test(`${what} is truncated`, async () => {
    await withFake({}, async (fake, llama) => {
      fake.next(async (exchange) => {
        await exchange.send(reply);
        await exchange.close();
      });
      const generation = await llama.generate(REQUEST, never);
      const error = await assertRejects(() => generation.read(), ModeldError);
      assertEquals(error.kind, "truncated");
    });
  });
}

Deno.test("a whole answer in place of a stream is understood", async () => {
  await withFake({}, async (fake, llama) => {
    fake.next((exchange) =>
      replyJson(exchange, 200, {
        choices: [{ text: " all of it", finish_reason: "length" }],
        usage: { prompt_tokens: 1, completion_tokens: 3, total_tokens: 4 },
      })
    );
    const { fragments, completion } = await readAll(await llama.generate(REQUEST, never));
    assertEquals(fragments, [" all of it"]);
    assertEquals(completion.usage.totalTokens, 4);
  });
});
