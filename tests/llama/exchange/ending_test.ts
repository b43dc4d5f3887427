import { assert, assertEquals, assertRejects } from "@std/assert";
import { ModeldError } from "../../../src/base/errors.ts";
import type { Ending, Exchange } from "../../../src/llama/exchange.ts";
import { eventually } from "../../support/eventually.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { chunk, STREAM_HEAD } from "../../support/replies.ts";
import type { FakeLlamaHttpServer } from "../../support/fake_llama_http_server.ts";
import { chatEnd, chatToken, chatUsage, completionStream, sse, SSE_DONE } from "../../support/wire_streams.ts";
import { connectionClosed, never, nextFragments, readText, withFake } from "../server_under_test.ts";

/** Native mode or forwarding, so that there is no other connection than the exchange's. */
const NATIVE = { useOpenai: false };
const LEFT = new ModeldError("cancelled", "the client left");
const LATE = new ModeldError("infer_timeout", "too late");

function endingsOf(exchange: Exchange): Ending[] {
  const endings: Ending[] = [];
  exchange.onEnd((ending) => endings.push(ending));
  return endings;
}

/** Answers the next request with these events and then keeps the connection open. */
function stall(fake: FakeLlamaHttpServer, ...events: string[]): void {
  fake.next(async (exchange) => {
    await exchange.send(STREAM_HEAD + events.map(chunk).join(""));
    await exchange.gone;
  });
}

Deno.test("an exchange that nobody reads ends with its signal, at once and once", async () => {
  await withFake(NATIVE, async (fake, llama) => {
    stall(fake, chatToken("a"));
    const client = new AbortController();
    const endings = endingsOf(await llama.generate({ prompt: "Once" }, client.signal));
    client.abort(LATE);
    assertEquals(endings, [{ kind: "cancelled" }]);
    await connectionClosed(fake);
  });
});

Deno.test("an exchange that nobody reads ends with its deadline, as a failure", async () => {
  await withFake({ ...NATIVE, timeout: 64 }, async (fake, llama) => {
    stall(fake, chatToken("a"));
    const endings = endingsOf(await llama.generate({ prompt: "Once" }, never));
    await eventually("the exchange has ended", () => endings.length === 1);
    assert(endings[0]?.kind === "failed" && endings[0].error.kind === "llama_timeout");
    await connectionClosed(fake);
  });
});

Deno.test("whoever observes the end of an exchange that has ended is called at once", async () => {
  await withFake(NATIVE, async (fake, llama) => {
    stall(fake);
    const exchange = await llama.generate({ prompt: "Once" }, never);
    exchange.cancel();
    exchange.cancel();
    assertEquals(endingsOf(exchange), [{ kind: "cancelled" }]);
    assertEquals(exchange.completion, undefined);
  });
});

Deno.test("a pending read rejects with the signal's reason, and the end has come before", async () => {
  await withFake(NATIVE, async (fake, llama) => {
    stall(fake);
    const client = new AbortController();
    const exchange = await llama.generate({ prompt: "Once" }, client.signal);
    const endings = endingsOf(exchange);
    const read = exchange.read();
    client.abort(LEFT);
    assertEquals(endings.length, 1);
    assertEquals(await assertRejects(() => read), LEFT);
    assertEquals(await assertRejects(() => exchange.read()), LEFT, "and again");
  });
});

Deno.test("an exchange is completed when its terminal event was read; reading on finds the end", async () => {
  await withFake(NATIVE, async (fake, llama) => {
    stall(fake, completionStream([" a"]));
    const exchange = await llama.generate({ prompt: "Once" }, never);
    const endings = endingsOf(exchange);
    await nextFragments(exchange);
    while (await exchange.read() !== undefined);
    assertEquals(await exchange.read(), undefined);
    assertEquals(endings.map(({ kind }) => kind), ["completed"]);
    assertEquals(exchange.completion?.finishReason, "stop");
    await connectionClosed(fake);
  });
});

Deno.test("a view that cannot be understood fails its exchange", async () => {
  await withFake(NATIVE, async (fake, llama) => {
    stall(fake, sse({ answer: 42 }));
    const exchange = await llama.generate({ prompt: "Once" }, never);
    const endings = endingsOf(exchange);
    const batch = await exchange.read();
    assertEquals(endings, []);
    const thrown = await assertRejects(() => Promise.try(() => batch?.events[0]?.view), ModeldError);
    assertEquals(endings, [{ kind: "failed", error: thrown }]);
    assertEquals(await assertRejects(() => exchange.read()), thrown);
    await connectionClosed(fake);
  });
});

Deno.test("an answer without a terminal event is complete 2 s after its finish reason, though the connection stays open", async () => {
  const clock = new FakeClock();
  await withFake({ ...NATIVE, clock }, async (fake, llama) => {
    stall(fake, chatToken("a"), chatEnd("length"));
    const exchange = await llama.generate({ prompt: "Once" }, never);
    const endings = endingsOf(exchange);
    const text = readText(exchange);
    await eventually("the finish reason was read", () => clock.pendingTimers === 1);
    clock.advance(1_999);
    assertEquals(endings, []);
    clock.advance(1);
    assertEquals(endings[0]?.kind, "completed");
    assertEquals(await text, chatToken("a") + chatEnd("length"));
    assertEquals(exchange.completion?.finishReason, "length");
    assertEquals(clock.pendingTimers, 0);
    await connectionClosed(fake);
  });
});

Deno.test("the 2 s pass for a reader that does not read on as well, and it loses nothing", async () => {
  const clock = new FakeClock();
  await withFake({ ...NATIVE, clock }, async (fake, llama) => {
    fake.next(async (exchange) => {
      await exchange.send(STREAM_HEAD + chunk(chatToken("a") + chatEnd()));
      await exchange.send(chunk(chatUsage()));
      await exchange.gone;
    });
    const exchange = await llama.generate({ prompt: "Once" }, never);
    const endings = endingsOf(exchange);
    const first = new TextDecoder().decode((await exchange.read())?.bytes);
    await eventually("the usage was read ahead", () => fake.busySlots === 0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    clock.advance(2_000);
    assertEquals(endings[0]?.kind, "completed");
    assertEquals(first + await readText(exchange), chatToken("a") + chatEnd() + chatUsage());
    assertEquals(exchange.completion?.usage.totalTokens, 4);
  });
});

Deno.test("a reader that is slow behind the finish reason keeps no slot: the terminal event is read ahead", async () => {
  await withFake(NATIVE, async (fake, llama) => {
    const { promise: later, resolve: goOn } = Promise.withResolvers<void>();
    fake.next(async (exchange) => {
      await exchange.send(STREAM_HEAD + chunk(chatToken("a") + chatEnd()));
      await later;
      await exchange.send(chunk(chatUsage()) + chunk(SSE_DONE));
      await exchange.gone;
    });
    const exchange = await llama.generate({ prompt: "Once" }, never);
    const endings = endingsOf(exchange);
    const batch = await exchange.read();
    goOn();
    await eventually("the exchange has ended", () => endings.length === 1);
    assertEquals(endings[0]?.kind, "completed");
    await connectionClosed(fake);
    assertEquals(new TextDecoder().decode(batch?.bytes), chatToken("a") + chatEnd(), "still valid: nobody read on");
    assertEquals(batch?.events[0]?.view.text, "a");
    assertEquals(await readText(exchange), chatUsage() + SSE_DONE);
  });
});

Deno.test("progress and empty events are no first token: the first-token deadline goes on", async () => {
  const clock = new FakeClock();
  await withFake({ ...NATIVE, clock, firstTokenTimeout: 1_000, idleTimeout: 10 }, async (fake, llama) => {
    const progress = { choices: [{ delta: { role: "assistant", content: null } }], prompt_progress: {} };
    stall(fake, sse(progress));
    const exchange = await llama.generate({ prompt: "Once", progress: true }, never);
    await exchange.read();
    const next = exchange.read();
    clock.advance(999);
    clock.advance(1);
    assertEquals((await assertRejects(() => next, ModeldError)).kind, "first_token_timeout");
    assertEquals(JSON.parse(fake.posts[0]?.body ?? "").return_progress, true);
  });
});

Deno.test("whatever comes from the server is evidence that it lives", async () => {
  const clock = new FakeClock();
  await withFake({ ...NATIVE, clock }, async (fake, llama) => {
    assertEquals(llama.lastHeardAt, -Infinity);
    clock.advance(5);
    await llama.health(never);
    assertEquals(llama.lastHeardAt, 5);
    const { promise: later, resolve: goOn } = Promise.withResolvers<void>();
    fake.next(async (exchange) => {
      await exchange.send(STREAM_HEAD);
      await later;
      await exchange.send(chunk(":\n\n"));
      await exchange.gone;
    });
    const exchange = await llama.generate({ prompt: "Once" }, never);
    clock.advance(5);
    goOn();
    assertEquals((await exchange.read())?.events.map(({ kind }) => kind), ["comment"]);
    assertEquals(llama.lastHeardAt, 10);
    exchange.cancel();
  });
});
