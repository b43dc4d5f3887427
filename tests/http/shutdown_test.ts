import { assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "../support/fake_clock.ts";
import { untilAborted } from "./fake_fleet.ts";
import { inferHead, inferRequest, RawClient } from "./raw_client.ts";
import { bodyOf, parseLines, until, withServer } from "./with_server.ts";

const SHUTTING_DOWN = { error: "modeld is stopping; ask again", code: 503, type: "shutting_down" };

Deno.test("while draining, readyz says so and healthz is still ok", () =>
  withServer(async ({ http, url }) => {
    http.drain();
    const ready = await fetch(`${url}/readyz`);
    assertEquals([ready.status, await ready.text()], [503, "draining"]);
    const health = await fetch(`${url}/healthz`);
    assertEquals([health.status, await health.text()], [200, "ok"]);
  }));

Deno.test("while draining, a new inference is turned away without reaching the fleet", () =>
  withServer(async ({ http, infer, fleet, observer }) => {
    http.drain();
    const reply = await infer({ prompt: "hi" });
    assertEquals([reply.status, reply.headers.get("retry-after")], [503, "1"]);
    assertEquals(await reply.json(), SHUTTING_DOWN);
    assertEquals(fleet.calls.length, 0);
    assertEquals(await observer.outcomes(), ["shutdown"]);
  }));

Deno.test("while draining, a new inference is turned away before its body has come", () =>
  withServer(async ({ http, port }) => {
    http.drain();
    using client = await RawClient.connect(port);
    await client.send(inferHead("Content-Length: 20") + '{"pro');
    await client.readUntil("}");
    assertEquals(client.received.slice(0, 12), "HTTP/1.1 503");
  }));

Deno.test("while draining, a stream goes on to its end", () =>
  withServer(async ({ http, infer, fleet, observer }) => {
    const { promise, resolve } = Promise.withResolvers<Parameters<typeof fleet.script>[0]>();
    fleet.script = (exchange) => resolve(exchange.push("a"));
    const reply = await infer({ prompt: "hi" });
    const exchange = await promise;
    http.drain();
    const stopped = http.stop(60_000);
    exchange.push("b").complete();
    assertEquals(parseLines(await reply.text()).length, 3);
    await stopped;
    assertEquals(await observer.outcomes(), ["ok"]);
  }));

Deno.test("streams that outlast the shutdown timeout end with an error line, and the listener closes last", async () => {
  const clock = new FakeClock();
  await withServer(async ({ http, url, infer, fleet, observer }) => {
    fleet.script = (exchange) => exchange.push("a");
    const reply = await infer({ prompt: "hi" });
    const reader = bodyOf(reply).pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await reader.read()).value, '{"token":"a"}\n');
    const stopped = http.stop(5_000);
    await clock.tick(4_999);
    assertEquals(await fetch(`${url}/readyz`).then((ready) => ready.text()), "draining");
    clock.advance(1);
    assertEquals(parseLines((await reader.read()).value ?? ""), [SHUTTING_DOWN]);
    assertEquals((await reader.read()).done, true);
    await stopped;
    assertEquals(await observer.outcomes(), ["shutdown"]);
    assertEquals(clock.pendingTimers, 0);
    await assertRejects(() => fetch(`${url}/healthz`));
  }, { clock });
});

Deno.test("a request that still waits at the shutdown timeout is a plain 503", async () => {
  const clock = new FakeClock();
  await withServer(async ({ http, infer, fleet }) => {
    fleet.script = (_, { signal }) => untilAborted(signal);
    const reply = infer({ prompt: "hi" });
    await fleet.called();
    const stopped = http.stop(5_000);
    await clock.tick(5_000);
    assertEquals((await reply).status, 503);
    assertEquals(await (await reply).json(), SHUTTING_DOWN);
    await stopped;
  }, { clock });
});

Deno.test("a request whose body is still on its way at the shutdown timeout is a plain 503", async () => {
  const clock = new FakeClock();
  await withServer(async ({ http, port, observer }) => {
    using client = await RawClient.connect(port);
    await client.send(inferHead("Content-Length: 20") + '{"pro');
    await until(() => observer.running > 0);
    const stopped = http.stop(5_000);
    await clock.tick(5_000);
    await client.readUntil("}");
    assertEquals(client.received.slice(0, 12), "HTTP/1.1 503");
    client.close();
    await stopped;
  }, { clock });
});

Deno.test("a client that reads nothing cannot hold up the stop", async () => {
  const clock = new FakeClock();
  await withServer(async ({ http, port, fleet, observer }) => {
    const { promise, resolve } = Promise.withResolvers<Parameters<typeof fleet.script>[0]>();
    fleet.script = (exchange) => {
      exchange.flow("x".repeat(1000));
      resolve(exchange);
    };
    using client = await RawClient.connect(port);
    await client.send(inferRequest({ prompt: "hi" }));
    await promise;
    await new Promise((resolve) => setTimeout(resolve, 200));
    const stopped = http.stop(5_000);
    for (const ms of [5_000, 1_000, 1_000]) await clock.tick(ms);
    await stopped;
    assertEquals(await observer.outcomes(), ["shutdown"]);
    assertEquals([fleet.inUse, clock.pendingTimers], [0, 0]);
    client.close();
  }, { clock });
});
