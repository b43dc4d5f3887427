import { assert, assertEquals } from "@std/assert";
import { FakeClock } from "../../support/fake_clock.ts";
import { inferRequest, RawClient } from "../raw_client.ts";
import { bodyOf, parseLines, withServer } from "../with_server.ts";
import { untilAborted } from "../fake_fleet.ts";

Deno.test("the infer deadline counts the wait for a slot, and is a plain error before the first line", async () => {
  const clock = new FakeClock();
  await withServer(async ({ infer, fleet, observer }) => {
    fleet.script = (_, { signal }) => untilAborted(signal);
    const reply = infer({ prompt: "hi" });
    await fleet.called();
    clock.advance(3_000);
    assertEquals((await reply).status, 500);
    assertEquals(await (await reply).json(), {
      error: "not done 3000 ms after arrival (--infer-timeout)",
      code: 500,
      type: "infer_timeout",
    });
    assertEquals(await observer.outcomes(), ["timeout"]);
    assertEquals(clock.pendingTimers, 0);
  }, { clock, inferTimeout: 3_000 });
});

Deno.test("a deadline that passes in the moment of the first fragment costs no slot", async () => {
  const clock = new FakeClock();
  await withServer(async ({ infer, fleet, observer }) => {
    fleet.script = (exchange) => {
      const read = exchange.push("a").read.bind(exchange);
      exchange.read = () => {
        const batch = read();
        clock.advance(3_000);
        return batch;
      };
    };
    const reply = await infer({ prompt: "hi" });
    assertEquals([reply.status, (await reply.json()).type], [500, "infer_timeout"]);
    assertEquals(await observer.outcomes(), ["timeout"]);
    assertEquals(fleet.inUse, 0);
  }, { clock, inferTimeout: 3_000 });
});

Deno.test("the infer deadline ends a stream with an error line", async () => {
  const clock = new FakeClock();
  await withServer(async ({ infer, fleet, observer }) => {
    fleet.script = (exchange) => exchange.push("a");
    const reply = await infer({ prompt: "hi" });
    await clock.tick(2_999);
    assertEquals(observer.results, []);
    clock.advance(1);
    assertEquals(parseLines(await reply.text()), [
      { token: "a" },
      { error: "not done 3000 ms after arrival (--infer-timeout)", code: 500, type: "infer_timeout" },
    ]);
    assertEquals(await observer.outcomes(), ["timeout"]);
    assertEquals(clock.pendingTimers, 0);
  }, { clock, inferTimeout: 3_000 });
});

Deno.test("the body deadline is over once the body is here", async () => {
  const clock = new FakeClock();
  await withServer(async ({ infer, fleet, observer }) => {
    const { promise, resolve } = Promise.withResolvers<Parameters<typeof fleet.script>[0]>();
    fleet.script = (exchange) => resolve(exchange);
    const reply = infer({ prompt: "hi" });
    const exchange = await promise;
    await clock.tick(60_000);
    exchange.complete();
    await (await reply).text();
    assertEquals(await observer.outcomes(), ["ok"]);
  }, { clock, bodyTimeout: 10_000 });
});

Deno.test("however many requests there are, each length of deadline has one timer, and none once the server has stopped", async () => {
  const clock = new FakeClock();
  await withServer(async ({ infer, metrics }) => {
    for (let i = 0; i < 10; i++) {
      await (await infer({ prompt: "hi" })).text();
      await (await infer({ prompt: "hi", stream: false })).text();
      await (await infer("{")).text();
    }
    await metrics.idle();
    assertEquals(clock.pendingTimers, 3);
  }, { clock, inferTimeout: 3_000, bodyTimeout: 3_001, writeTimeout: 3_002 });
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a client that reads nothing stops the reading from llama-server, and is cut at the write deadline", async () => {
  const clock = new FakeClock();
  await withServer(async ({ port, fleet, observer }) => {
    const { promise, resolve } = Promise.withResolvers<Parameters<typeof fleet.script>[0]>();
    fleet.script = (exchange) => {
      exchange.flow("x".repeat(1000));
      resolve(exchange);
    };
    using client = await RawClient.connect(port);
    await client.send(inferRequest({ prompt: "hi" }));
    const exchange = await promise;
    await settled(() => exchange.reads);
    assert(exchange.reads < 20_000, `${exchange.reads} kB were read for a client that takes none`);

    await clock.tick(59_999);
    assertEquals(observer.results, []);
    await clock.tick(1);
    assertEquals(await observer.outcomes(), ["timeout"]);
    assertEquals(observer.results[0]?.error?.kind, "write_timeout");
    assertEquals([fleet.inUse, clock.pendingTimers], [0, 0]);

    // What was on its way still arrives; then the connection ends without the chunk that says it is whole.
    const received = await client.readToEnd();
    assert(!received.includes("done") && !received.endsWith("\r\n0\r\n\r\n"));
  }, { clock, writeTimeout: 60_000 });
});

Deno.test("a client that reads slowly but steadily is never cut", async () => {
  const clock = new FakeClock();
  await withServer(async ({ infer, fleet, observer }) => {
    const { promise, resolve } = Promise.withResolvers<Parameters<typeof fleet.script>[0]>();
    fleet.script = (exchange) => resolve(exchange.push("a"));
    const reply = await infer({ prompt: "hi" });
    const exchange = await promise;
    const reader = bodyOf(reply).getReader();
    for (let i = 0; i < 10; i++) {
      await reader.read();
      await clock.tick(59_000);
      exchange.push("b");
    }
    exchange.complete();
    while (!(await reader.read()).done);
    assertEquals(await observer.outcomes(), ["ok"]);
  }, { clock, writeTimeout: 60_000 });
});

Deno.test("a long silence of llama-server is no fault of the client", async () => {
  const clock = new FakeClock();
  await withServer(async ({ infer, fleet, observer }) => {
    const { promise, resolve } = Promise.withResolvers<Parameters<typeof fleet.script>[0]>();
    fleet.script = (exchange) => resolve(exchange.push("a"));
    const reply = await infer({ prompt: "hi" });
    const exchange = await promise;
    const reader = bodyOf(reply).getReader();
    await reader.read();
    await clock.tick(600_000);
    exchange.complete();
    while (!(await reader.read()).done);
    assertEquals(await observer.outcomes(), ["ok"]);
  }, { clock, writeTimeout: 60_000 });
});

Deno.test("done, cancel and timeout in the same tick give one outcome", async () => {
  const clock = new FakeClock();
  await withServer(async ({ infer, fleet, observer, metrics }) => {
    const { promise, resolve } = Promise.withResolvers<Parameters<typeof fleet.script>[0]>();
    fleet.script = (exchange) => resolve(exchange.push("a"));
    const reply = await infer({ prompt: "hi" });
    const exchange = await promise;
    const reader = bodyOf(reply).getReader();
    await reader.read();
    exchange.complete();
    clock.advance(3_000);
    await reader.cancel();
    await metrics.idle();
    assertEquals(observer.results.length, 1);
    assertEquals([fleet.inUse, clock.pendingTimers], [0, 0]);
  }, { clock, inferTimeout: 3_000, writeTimeout: 3_000 });
});

Deno.test("the infer deadline frees the slot of a client that never reads, with no write deadline to help", async () => {
  const clock = new FakeClock();
  await withServer(async ({ port, fleet, observer }) => {
    const { promise, resolve } = Promise.withResolvers<Parameters<typeof fleet.script>[0]>();
    fleet.script = (exchange) => resolve(exchange.flow("x".repeat(1000)));
    using client = await RawClient.connect(port);
    await client.send(inferRequest({ prompt: "hi" }));
    const exchange = await promise;
    await settled(() => exchange.reads);
    assertEquals(fleet.inUse, 1);
    clock.advance(2_000);
    assertEquals([fleet.inUse, observer.results[0]?.outcome], [0, "timeout"]);
    client.close();
  }, { clock, inferTimeout: 2_000, writeTimeout: 0 });
});

Deno.test("the infer deadline reaches a slow client after the generation is done, with an error line and no final line", async () => {
  const clock = new FakeClock();
  await withServer(async ({ port, fleet, observer }) => {
    const { promise, resolve } = Promise.withResolvers<Parameters<typeof fleet.script>[0]>();
    fleet.script = (exchange) => {
      for (let count = 0; count < 40; count++) exchange.push("x".repeat(1_000_000));
      resolve(exchange.complete());
    };
    using client = await RawClient.connect(port);
    await client.send(inferRequest({ prompt: "hi" }, "Connection: close"));
    const exchange = await promise;
    await settled(() => exchange.reads);
    clock.advance(2_000);
    assertEquals(observer.results.map(({ outcome }) => outcome), ["timeout"]);
    const received = await client.readToEnd();
    const last = received.trimEnd().split("\n").findLast((line) => line.startsWith("{"));
    assertEquals(JSON.parse(last ?? "").type, "infer_timeout");
    assertEquals(received.includes('"done":true'), false);
  }, { clock, inferTimeout: 2_000, maxAnswerBytes: Infinity });
});

Deno.test("the write deadline holds for a whole answer too", async () => {
  const clock = new FakeClock();
  await withServer(async ({ port, fleet, metrics }) => {
    fleet.script = (exchange) => exchange.push("x".repeat(20_000_000)).complete();
    using client = await RawClient.connect(port);
    await client.send(inferRequest({ prompt: "hi", stream: false }));
    await settled(() => fleet.inUse);
    assertEquals(metrics.inflight, 1);
    await clock.tick(60_000);
    const received = await client.readToEnd();
    assert(received.length < 20_000_000 && !received.endsWith("\r\n0\r\n\r\n"), "it was cut");
    assertEquals(clock.pendingTimers, 0);
  }, { clock, writeTimeout: 60_000, maxAnswerBytes: Infinity });
});

/** Resolves when `value` has stopped changing. */
async function settled(value: () => number): Promise<void> {
  for (let before = -1; before !== value();) {
    before = value();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
