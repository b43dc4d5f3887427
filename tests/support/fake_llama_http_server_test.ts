import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CANNED_TOKENS } from "./canned_generation.ts";
import { FakeLlamaHttpServer, type FakeLlamaOptions } from "./fake_llama_http_server.ts";
import { CLOSE_DELIMITED_HEAD } from "./replies.ts";
import { completionToken } from "./wire_streams.ts";

/** Runs a test against a fake and a client without pooled connections. */
async function withFake(
  options: FakeLlamaOptions,
  run: (server: FakeLlamaHttpServer, post: (path: string, body: unknown) => Promise<Response>) => Promise<void>,
): Promise<void> {
  const server = await FakeLlamaHttpServer.start(options);
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  try {
    await run(server, (path, body) => {
      const stream = new Blob([JSON.stringify(body)]).stream();
      return fetch(new URL(path, server.url), { method: "POST", body: stream, client });
    });
  } finally {
    client.close();
    await server.close();
  }
}

Deno.test("the fake streams its canned tokens as /v1/completions does", async () => {
  await withFake({}, async (server, post) => {
    const reply = await post("/v1/completions", { prompt: "Once", stream: true });
    assertEquals(reply.status, 200);
    const events = (await reply.text()).trim().split("\n\n").map((event) => event.slice("data: ".length));
    assertEquals(events.pop(), "[DONE]");
    const texts = events.map((event) => JSON.parse(event).choices[0].text);
    assertEquals(texts, [...CANNED_TOKENS, ""]);
    assertEquals(server.posts.map((request) => JSON.parse(request.body)), [{ prompt: "Once", stream: true }]);
  });
});

Deno.test("a reset by the fake reaches the client as a reset, not as an end", async () => {
  const server = await FakeLlamaHttpServer.start();
  server.on("GET /health", (exchange) => exchange.reset());
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(server.url.port) });
  await conn.write(new TextEncoder().encode("GET /health HTTP/1.1\r\n\r\n"));
  await assertRejects(() => conn.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  conn.close();
  await server.close();
});

Deno.test("an orderly close by the fake ends a close-delimited body without an error", async () => {
  await withFake({}, async (server, post) => {
    server.next(async (exchange) => {
      await exchange.send(CLOSE_DELIMITED_HEAD + completionToken(" upon"));
      await exchange.close();
    });
    const reply = await post("/v1/completions", { prompt: "Once", stream: true });
    assertEquals(await reply.text(), completionToken(" upon"));
  });
});

Deno.test("the fake notices that its client left", async () => {
  await withFake({}, async (server, post) => {
    const gone = Promise.withResolvers<void>();
    server.next(async (exchange) => {
      await exchange.send(CLOSE_DELIMITED_HEAD);
      await exchange.gone;
      gone.resolve();
    });
    const reply = await post("/v1/completions", { prompt: "Once", stream: true });
    await reply.body?.cancel();
    await gone.promise;
  });
});

Deno.test("a fake router loads a model on demand and tells its listeners", async () => {
  await withFake({ models: ["a", "b"], router: { loadDelay: Infinity } }, async (server, post) => {
    const stop = new AbortController();
    const events = await fetch(new URL("/models/sse", server.url), { signal: stop.signal });
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    await (await post("/models/load", { model: "b" })).body?.cancel();
    assertStringIncludes((await reader?.read())?.value ?? "", '"status":"loading"');
    assertEquals(server.router?.stateOf("b"), "loading");
    server.router?.finishLoad("b");
    assertStringIncludes((await reader?.read())?.value ?? "", '"status":"loaded"');
    assertEquals(server.router?.commands, ["load b"]);
    await reader?.cancel();
    stop.abort();
  });
});

Deno.test("an error of a script fails the test that wrote it, when the fake is closed", async () => {
  const server = await FakeLlamaHttpServer.start();
  server.on("GET /health", () => {
    throw new Error("a mistake in the script");
  });
  await assertRejects(() => fetch(new URL("/health", server.url)));
  await assertRejects(() => server.close(), Error, "a mistake in the script");
});
