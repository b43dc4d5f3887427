import { assertEquals, assertRejects } from "@std/assert";
import { ModeldError } from "../../../src/base/errors.ts";
import type { ModelEvent } from "../../../src/llama/llama_server.ts";
import { eventually } from "../../support/eventually.ts";
import { chunk, LAST_CHUNK, STREAM_HEAD } from "../../support/replies.ts";
import { sse, SSE_PING } from "../../support/wire_streams.ts";
import { connectionClosed, never, withFake } from "../server_under_test.ts";

/** What a real router (build 11669) sent while one model was loaded and unloaded and another failed to load. */
const RECORDED = [
  { model: "a", event: "model_status", data: { status: "loading" } },
  { model: "a", event: "status_change", data: { status: "loading", progress: { current: "text_model", value: 0.5 } } },
  { model: "a", event: "status_change", data: { status: "loaded", info: { id: "a", meta: { n_ctx: 2048 } } } },
  { model: "a", event: "status_change", data: { status: "unloaded", exit_code: 0 } },
  { model: "b", event: "status_change", data: { status: "unloaded", exit_code: 1 } },
];

async function collect(events: AsyncIterable<ModelEvent>): Promise<ModelEvent[]> {
  const all: ModelEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

Deno.test("a router's events are state changes, a bad exit a failure, until the router closes", async () => {
  await withFake({ router: {} }, async (fake, llama) => {
    fake.on("GET /models/sse", async (exchange) => {
      await exchange.send(STREAM_HEAD + chunk(SSE_PING + RECORDED.map(sse).join("")) + LAST_CHUNK);
      await exchange.close();
    });
    assertEquals(await collect(llama.events(never)), [
      { model: "a", state: "loading" },
      { model: "a", state: "loading" },
      { model: "a", state: "loaded" },
      { model: "a", state: "unloaded" },
      {
        model: "b",
        state: "failed",
        reason: "the model's process ended with exit code 1; llama-server's log says why",
      },
    ]);
  });
});

Deno.test("events that tell of something else are left out", async () => {
  await withFake({ router: {} }, async (fake, llama) => {
    const others = [{ model: "a", event: "download", data: { progress: 1 } }, { hello: 1 }, {
      model: "a",
      data: { status: "a word of a later build" },
    }];
    fake.on("GET /models/sse", async (exchange) => {
      await exchange.send(STREAM_HEAD + chunk(others.map(sse).join("")) + LAST_CHUNK);
      await exchange.close();
    });
    assertEquals(await collect(llama.events(never)), []);
  });
});

Deno.test("events come as they happen", async () => {
  await withFake({ router: {} }, async (fake, llama) => {
    const events = llama.events(never)[Symbol.asyncIterator]();
    const first = events.next();
    await eventually("the router has the listener", () => fake.requests.length === 1);
    await llama.load("tiny", never);
    assertEquals((await first).value, { model: "tiny", state: "loading" });
    assertEquals((await events.next()).value, { model: "tiny", state: "loaded" });
    await events.return?.();
  });
});

Deno.test("a listener that stops listening closes the connection", async () => {
  await withFake({ router: {} }, async (fake, llama) => {
    fake.on("GET /models/sse", async (exchange) => {
      await exchange.send(STREAM_HEAD + chunk(RECORDED.map(sse).join("")));
      await exchange.gone;
    });
    for await (const event of llama.events(never)) {
      assertEquals(event.state, "loading");
      break;
    }
    await connectionClosed(fake);
  });
});

Deno.test("a server without events is refused", async () => {
  await withFake({}, async (_, llama) => {
    const error = await assertRejects(() => collect(llama.events(never)), ModeldError, "GET /models/sse");
    assertEquals(error.kind, "upstream_refused");
  });
});

Deno.test("the signal ends the events with its reason, and closes the connection", async () => {
  await withFake({ router: {} }, async (fake, llama) => {
    const listener = new AbortController();
    const collected = collect(llama.events(listener.signal));
    await eventually("the router has the listener", () => fake.requests.length === 1);
    listener.abort(new Error("enough"));
    await assertRejects(() => collected, Error, "enough");
    await connectionClosed(fake);
  });
});
