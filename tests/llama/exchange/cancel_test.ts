import { assertEquals, assertRejects } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ModeldError } from "../../../src/base/errors.ts";
import type { LlamaServer } from "../../../src/llama/llama_server.ts";
import { chunk, STREAM_HEAD } from "../../support/replies.ts";
import type { FakeLlamaHttpServer } from "../../support/fake_llama_http_server.ts";
import { completionToken, SSE_DONE } from "../../support/wire_streams.ts";
import { connectionClosed, never, readAll, withFake } from "../server_under_test.ts";

const REQUEST = { prompt: "Once" };
/** Native mode, so that there is no other connection than the generation's. */
const NATIVE = { useOpenai: false };
const LEFT = new ModeldError("cancelled", "the client left");

/** Starts a generation that sends one token and then nothing. */
async function stalled(fake: FakeLlamaHttpServer, llama: LlamaServer, signal: AbortSignal) {
  fake.next(async (exchange) => {
    await exchange.send(STREAM_HEAD + chunk(completionToken(" a")));
    await exchange.gone;
  });
  const generation = await llama.generate(REQUEST, signal);
  await generation.read();
  return generation;
}

Deno.test("a client that has left already costs no request", async () => {
  await withFake({}, async (fake, llama) => {
    const error = await assertRejects(() => llama.generate(REQUEST, AbortSignal.abort(LEFT)));
    assertEquals(error, LEFT);
    assertEquals(fake.requests.length, 0);
  });
});

Deno.test("a client that leaves during prompt processing aborts the request at once, with its reason", async () => {
  await withFake(NATIVE, async (fake, llama) => {
    fake.next((exchange) => exchange.gone);
    const client = new AbortController();
    const started = llama.generate(REQUEST, client.signal);
    await fake.posted();
    client.abort(LEFT);
    assertEquals(await assertRejects(() => started), LEFT);
    await connectionClosed(fake);
  });
});

Deno.test("a client that leaves while the next token is awaited aborts the stream at once, with its reason", async () => {
  await withFake(NATIVE, async (fake, llama) => {
    const client = new AbortController();
    const generation = await stalled(fake, llama, client.signal);
    const next = generation.read();
    client.abort(LEFT);
    assertEquals(await assertRejects(() => next), LEFT);
    await connectionClosed(fake);
  });
});

Deno.test("a client that leaves while nobody reads aborts the stream at once", async () => {
  await withFake(NATIVE, async (fake, llama) => {
    const client = new AbortController();
    const generation = await stalled(fake, llama, client.signal);
    client.abort(LEFT);
    await connectionClosed(fake);
    assertEquals(await assertRejects(() => generation.read()), LEFT);
  });
});

Deno.test("an abort still works when the garbage collector has run since the headers", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  await withFake(NATIVE, async (fake, llama) => {
    const client = new AbortController();
    const generation = await stalled(fake, llama, client.signal);
    for (let i = 0; i < 3; i++) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    client.abort(LEFT);
    await connectionClosed(fake);
    assertEquals(await assertRejects(() => generation.read()), LEFT);
  });
});

Deno.test("cancel closes the connection, and a call that waits ends as cancelled", async () => {
  await withFake(NATIVE, async (fake, llama) => {
    const generation = await stalled(fake, llama, never);
    const next = generation.read();
    generation.cancel();
    assertEquals((await assertRejects(() => next, ModeldError)).kind, "cancelled");
    await connectionClosed(fake);
  });
});

Deno.test("cancel after the end does nothing", async () => {
  await withFake(NATIVE, async (_, llama) => {
    const generation = await llama.generate(REQUEST, never);
    await readAll(generation);
    generation.cancel();
    generation.cancel();
  });
});

Deno.test("nothing stays on the client's signal when a generation has ended", async () => {
  await withFake(NATIVE, async (fake, llama) => {
    const signal = countingListeners();
    await readAll(await llama.generate(REQUEST, signal));
    assertEquals(signal.listeners, 0, "complete");
    (await stalled(fake, llama, signal)).cancel();
    assertEquals(signal.listeners, 0, "cancelled");
    fake.next((exchange) => exchange.close());
    await assertRejects(() => llama.generate(REQUEST, signal));
    assertEquals(signal.listeners, 0, "failed");
    await llama.health(signal);
    assertEquals(signal.listeners, 0, "health");
  });
});

Deno.test("a stream that is cancelled with data on its way leaves nothing behind", async () => {
  await withFake(NATIVE, async (fake, llama) => {
    fake.next(async (exchange) => {
      await exchange.send(STREAM_HEAD + chunk(completionToken(" a")) + chunk(completionToken(" b")) + chunk(SSE_DONE));
      await exchange.gone;
    });
    const generation = await llama.generate(REQUEST, never);
    await generation.read();
    generation.cancel();
    await connectionClosed(fake);
  });
});

function countingListeners(): AbortSignal & { listeners: number } {
  const signal = Object.assign(new AbortController().signal, { listeners: 0 });
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    signal.listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    signal.listeners--;
    removeEventListener.apply(signal, args);
  };
  return signal;
}
