import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ModeldError } from "../../src/base/errors.ts";
import { type FakeExchange, FakeLlamaServer } from "../support/fake_llama_server.ts";
import { ANYBODY, DispatcherRig } from "./dispatcher_rig.ts";

function modelOf({ request }: FakeExchange): string | undefined {
  return "model" in request ? request.model : undefined;
}

Deno.test("a request for a ready model starts at once and gives its slot back at its end", async () => {
  const rig = await new DispatcherRig(new FakeLlamaServer("m")).open();
  const client = await rig.requested();
  assertEquals(rig.server.last.request, { prompt: "hello", model: "m" });
  assertEquals(rig.inflight, 1);
  await rig.complete(client, 0);
  assertEquals(rig.inflight, 0);
  assertEquals(client.timeline.model, "m");
  await rig.close();
});

Deno.test("ten requests on four slots with the default queue are all served, first come first served", async () => {
  const server = new FakeLlamaServer("m");
  server.description = { kind: "single", totalSlots: 4 };
  const rig = await new DispatcherRig(server).open();
  const clients = Array.from({ length: 10 }, () => rig.request());
  await rig.clock.tick(0);
  assertEquals(clients.map((client) => client.state()).filter((state) => state === "started").length, 4);
  for (const [index, client] of clients.entries()) {
    assertEquals(client.state(), "started");
    await rig.complete(client, index);
  }
  await rig.close();
});

Deno.test("the time in the queue is marked, also that of a request which is served at once: none", async () => {
  const rig = await new DispatcherRig(new FakeLlamaServer("m")).open();
  const [first, second] = [await rig.requested(), await rig.requested()];
  await rig.pass(200);
  await rig.complete(first, 0);
  await rig.complete(second, 1);
  const stages = [first, second].map(({ timeline }) => timeline.spans.map(({ stage }) => stage));
  assertEquals(stages, [["queue", "prefill"], ["queue", "prefill"]]);
  assertEquals([first.timeline.spent("queue"), second.timeline.spent("queue")], [0, 200]);
  await rig.close();
});

Deno.test("a client that leaves while queued never reaches llama-server, and the next moves up", async () => {
  const rig = await new DispatcherRig(new FakeLlamaServer("m")).open();
  const [first, second, third] = [await rig.requested(), await rig.requested(), await rig.requested()];
  second.leave();
  assertEquals((await second.error()).kind, "cancelled");
  await rig.complete(first, 0);
  assertEquals(rig.server.exchanges.length, 2);
  await rig.complete(third, 1);
  await rig.close();
});

Deno.test("a client that leaves in the moment its slot comes free never reaches llama-server", async () => {
  const rig = await new DispatcherRig(new FakeLlamaServer("m")).open();
  const [first, second] = [await rig.requested(), await rig.requested()];
  (await first.exchange).cancel();
  second.leave();
  assertEquals((await second.error()).kind, "cancelled");
  assertEquals(rig.server.exchanges.length, 1);
  await rig.close();
});

Deno.test("a full queue turns the next request away with its numbers and when to come back", async () => {
  const rig = await new DispatcherRig(new FakeLlamaServer("m"), { maxQueueDepth: 1 }).open();
  const [first, second] = [await rig.requested(), await rig.requested()];
  const error = await rig.request().error();
  assertEquals(error.kind, "queue_full");
  assertEquals(error.message, "too busy: m: 1 of 1 requests waiting, 1 of 1 slots in use");
  assertEquals(error.retryAfterSeconds, 2);
  await rig.complete(first, 0);
  await rig.complete(second, 1);
  await rig.close();
});

Deno.test("a request that waited max-wait for a slot is turned away after one max-wait and is out of the queue", async () => {
  const rig = await new DispatcherRig(new FakeLlamaServer("m"), { maxWait: 500 }).open();
  const [first, second] = [await rig.requested(), await rig.requested()];
  await rig.clock.tick(499);
  assertEquals(second.state(), "pending");
  await rig.clock.tick(1);
  assertEquals(second.state(), "wait_timeout");
  assertStringIncludes((await second.error()).message, "too busy: m: no slot within 500 ms");
  assertEquals(rig.fleet.status().instances[0]?.queue_len, 0);
  await rig.complete(first, 0);
  await rig.close();
});

Deno.test("a request that meets a loading server waits for it within max-wait and is then served", async () => {
  const server = new FakeLlamaServer("m");
  const rig = await new DispatcherRig(server).open();
  server.healthState = "loading";
  server.refuseNext = new ModeldError("loading", "Loading model");
  const client = await rig.requested();
  await rig.pass(300);
  assertEquals([client.state(), client.timeline.stage, rig.fleet.readiness()], ["pending", "load", "loading"]);
  server.healthState = "ready";
  await rig.pass(300);
  await rig.complete(client, 0);
  await rig.close();
});

Deno.test("a known server that answers every question with loading, as it does while it loads, is waited for", async () => {
  const server = new FakeLlamaServer("m");
  const rig = await new DispatcherRig(server).open();
  server.down = new ModeldError("loading", "Loading model");
  await rig.pass(3_000);
  const client = await rig.requested();
  await rig.pass(300);
  assertEquals([client.state(), rig.fleet.readiness()], ["pending", "loading"]);
  server.down = undefined;
  await rig.pass(300);
  await rig.complete(client, 0);
  await rig.close();
});

Deno.test("a server that has said nothing yet but that it is loading is waited for", async () => {
  const server = new FakeLlamaServer("m");
  server.down = new ModeldError("loading", "Loading model");
  const rig = await new DispatcherRig(server).open();
  assertEquals(rig.fleet.readiness(), "loading");
  const client = await rig.requested();
  await rig.pass(300);
  assertEquals([client.state(), rig.fleet.status().servers[0]?.state], ["pending", "unknown"]);
  server.down = undefined;
  await rig.pass(300);
  await rig.complete(client, 0);
  await rig.close();
});

Deno.test("a model that is not ready within max-wait is refused with loading, not with too busy", async () => {
  const server = new FakeLlamaServer("m");
  server.healthState = "loading";
  const rig = await new DispatcherRig(server, { maxWait: 500 }).open();
  const client = await rig.requested();
  await rig.clock.tick(500);
  const error = await client.error();
  assertEquals([error.kind, error.retryAfterSeconds], ["loading", 5]);
  await rig.close();
});

Deno.test("requests fail fast while llama-server is away, and are served again when it is back", async () => {
  const server = new FakeLlamaServer("m");
  const rig = await new DispatcherRig(server).open();
  server.down = new ModeldError("unreachable", "connection refused", { isRefusal: true });
  const met = await rig.request().error();
  assertEquals(met.kind, "unreachable");
  assertEquals([server.forgotten, rig.fleet.readiness()], [1, "unreachable"]);
  assertEquals((await rig.request().error()).kind, "unreachable");
  server.down = undefined;
  await rig.pass(5_000);
  assertEquals(rig.fleet.readiness(), "ready");
  await rig.complete(await rig.requested(), 0);
  assertEquals(rig.events.map(({ event }) => event), ["server_found", "server_lost", "server_found"]);
  await rig.close();
});

Deno.test("a server that is polled in vain is lost, and those who wait are told", async () => {
  const server = new FakeLlamaServer("m");
  const rig = await new DispatcherRig(server).open();
  const [running, second] = [await rig.requested(), await rig.requested()];
  assertEquals(running.state(), "started");
  server.down = new ModeldError("unreachable", "connection refused", { isRefusal: true });
  await rig.pass(3_000);
  assertEquals(second.state(), "unreachable");
  await rig.close();
});

Deno.test("an unknown model is not found and takes no slot", async () => {
  const rig = await new DispatcherRig(new FakeLlamaServer("m")).open();
  const error = await rig.request("other").error();
  assertEquals([error.kind, rig.inflight], ["model_not_found", 0]);
  await rig.close();
});

Deno.test("props are not said of a model that the client may not use, whatever name it is asked by", async () => {
  const rig = await new DispatcherRig(new FakeLlamaServer("m")).open();
  const { signal } = new AbortController();
  const ask = (models: readonly string[]) => rig.fleet.props("m", { ...ANYBODY, models }, signal);
  assertEquals((await assertRejects(() => ask(["other*"]), ModeldError)).kind, "model_forbidden");
  assertEquals(await ask(["m"]), await rig.fleet.props("m", undefined, signal));
  await rig.close();
});

Deno.test("a model named by its alias or its file reaches llama-server by its id", async () => {
  const server = new FakeLlamaServer();
  server.listed.set("m", { id: "m", aliases: ["other"], state: "loaded", path: "/srv/tiny-Q4.gguf" });
  const rig = await new DispatcherRig(server, { maxInflight: 4 }).open();
  for (const name of ["m", "other", "tiny-Q4", "tiny-Q4.gguf"]) {
    const client = await rig.requested(name);
    assertEquals([modelOf(server.last), client.timeline.model], ["m", "m"], name);
    (await client.exchange).cancel();
  }
  await rig.close();
});

Deno.test("a server without a list takes any name, and no client can make it a label", async () => {
  const server = new FakeLlamaServer();
  server.hasList = false;
  server.description = { kind: "native" };
  const rig = await new DispatcherRig(server).open();
  const client = await rig.requested("anything");
  assertEquals([modelOf(server.last), client.timeline.model], ["anything", "default"]);
  await rig.complete(client, 0);
  await rig.close();
});

Deno.test("before it is opened, requests are refused with loading", async () => {
  const rig = new DispatcherRig(new FakeLlamaServer("m"));
  rig.fleet.start();
  await rig.clock.tick(0);
  assertEquals([(await rig.request().error()).kind, rig.fleet.readiness()], ["loading", "loading"]);
  await rig.close();
});

Deno.test("draining turns new and queued requests away and lets those in flight end", async () => {
  const rig = await new DispatcherRig(new FakeLlamaServer("m")).open();
  const [first, second] = [await rig.requested(), await rig.requested()];
  rig.fleet.drain();
  const error = await second.error();
  assertEquals([error.kind, error.retryAfterSeconds], ["shutting_down", 1]);
  assertEquals([(await rig.request().error()).kind, rig.fleet.readiness()], ["shutting_down", "draining"]);
  await rig.complete(first, 0);
  await rig.close();
  assertEquals(rig.server.closed, true);
});

Deno.test("a request that gets its slot at once sets no timer, and many that wait share one", async () => {
  const rig = await new DispatcherRig(new FakeLlamaServer("m")).open();
  const timers = rig.clock.pendingTimers;
  const first = await rig.requested();
  assertEquals(rig.clock.pendingTimers, timers);
  const waiting = [rig.request(), rig.request(), rig.request()];
  assertEquals(rig.clock.pendingTimers, timers + 1);
  for (const [index, client] of [first, ...waiting].entries()) await rig.complete(client, index);
  await rig.close();
});

Deno.test("a request that has waited leaves no listener of the queue on its signal", async () => {
  const rig = await new DispatcherRig(new FakeLlamaServer("m")).open();
  const first = await rig.requested();
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  signal.addEventListener = (_: string, listener: unknown) => void listeners.add(listener);
  signal.removeEventListener = (_: string, listener: unknown) => void listeners.delete(listener);
  const second = rig.request(undefined, signal);
  const [ofQueue] = listeners;
  await rig.complete(first, 0);
  const exchange = await second.exchange;
  assertEquals([ofQueue === undefined, listeners.has(ofQueue)], [false, false]);
  exchange.cancel();
  await rig.close();
});

Deno.test("an exchange that is cancelled after its end, or twice, gives its slot back once", async () => {
  const server = new FakeLlamaServer("m");
  const rig = await new DispatcherRig(server, { maxInflight: 2 }).open();
  const [first, second] = [await rig.requested(), await rig.requested()];
  await rig.complete(first, 0);
  (await first.exchange).cancel();
  (await first.exchange).cancel();
  assertEquals(rig.inflight, 1);
  await rig.complete(second, 1);
  await rig.close();
});

Deno.test("a model is loaded on demand, and a request that waits for it is in stage load until then", async () => {
  const server = FakeLlamaServer.router(0, "a");
  server.slots = 2;
  const rig = await new DispatcherRig(server).open();
  const clients = [await rig.requested("a"), await rig.requested("a"), await rig.requested("a")];
  assertEquals(clients.map(({ timeline }) => timeline.stage), ["load", "load", "load"]);
  await rig.clock.tick(50);
  server.set("a", "loaded");
  await rig.pass(50);
  assertEquals(clients.map(({ timeline }) => timeline.stage), ["prefill", "prefill", "queue"]);
  assertEquals(server.orders, ["load a"]);
  for (const [index, client] of clients.entries()) await rig.complete(client, index);
  await rig.close();
});

Deno.test("closing while a model loads ends at once and turns away whoever waits", async () => {
  const rig = await new DispatcherRig(FakeLlamaServer.router(0, "a")).open();
  const client = await rig.requested("a");
  await rig.close();
  assertEquals((await client.error()).kind, "shutting_down");
});

Deno.test("closing is no failure of a load that is being asked for", async () => {
  const server = FakeLlamaServer.router(0, "a");
  server.load = (_model, signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const rig = await new DispatcherRig(server).open();
  await rig.requested("a");
  await rig.close();
  assertEquals(rig.events.map(({ event }) => event), ["server_found", "load_start"]);
});

Deno.test("a client that leaves in the moment in which its request is put back does not stay in the queue", async () => {
  for (let moments = 0; moments < 6; moments++) {
    const server = new FakeLlamaServer("m");
    const rig = await new DispatcherRig(server).open();
    server.healthState = "loading";
    server.refuseNext = new ModeldError("loading", "Loading model");
    const client = rig.request();
    for (let moment = 0; moment < moments; moment++) await Promise.resolve();
    client.leave();
    await rig.clock.tick(0);
    assertEquals([client.state(), rig.inflight], ["cancelled", 0], `${moments}`);
    await rig.close();
  }
});

Deno.test("a deadline that aborts a request nobody reads frees its slot at once", async () => {
  const rig = await new DispatcherRig(new FakeLlamaServer("m")).open();
  const [first, second] = [await rig.requested(), await rig.requested()];
  first.leave(new ModeldError("infer_timeout", "not done in time"));
  await rig.clock.tick(0);
  assertEquals(second.state(), "started");
  await rig.complete(second, 1);
  assertEquals(rig.inflight, 0);
  await rig.close();
});

Deno.test("a request that is aborted before llama-server has accepted it frees its slot at once", async () => {
  const server = new FakeLlamaServer("m");
  const rig = await new DispatcherRig(server).open();
  server.generate = (_request, signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => setTimeout(() => reject(signal.reason), 5)));
  const client = await rig.requested();
  assertEquals(rig.inflight, 1);
  client.leave();
  assertEquals(rig.inflight, 0);
  assertEquals((await client.error()).kind, "cancelled");
  await rig.close();
});

Deno.test("when a server is lost, what runs on it ends with upstream_error though nobody reads", async () => {
  const server = new FakeLlamaServer("m");
  const rig = await new DispatcherRig(server).open();
  const client = await rig.requested();
  const exchange = await client.exchange;
  server.down = new ModeldError("unreachable", "connection refused", { isRefusal: true });
  await rig.pass(3_000);
  assertEquals(rig.inflight, 0);
  const error: unknown = await exchange.read().catch((error) => error);
  assertEquals(error instanceof ModeldError && [error.kind, error.begun], ["upstream_error", "maybe"]);
  await rig.close();
});

Deno.test("a request that its server did not begin is sent to another one, and only there", async () => {
  const [one, other] = [new FakeLlamaServer("m"), new FakeLlamaServer("m")];
  const rig = await new DispatcherRig(one, {}, other).open();
  one.refuseNext = new ModeldError("unreachable", "connection refused", { isRefusal: true });
  other.refuseNext = undefined;
  const clients = [await rig.requested(), await rig.requested()];
  one.down = one.refuseNext;
  assertEquals(one.exchanges.length + other.exchanges.length, 1, "one was begun, the other waits for its slot");
  for (const exchange of [...one.exchanges, ...other.exchanges]) exchange.complete();
  await rig.pass(2_000);
  for (const exchange of [...one.exchanges, ...other.exchanges]) exchange.complete();
  assertEquals(clients.map((client) => client.state()), ["started", "started"]);
  await rig.close();
});

Deno.test("an exception of modeld's own is thrown as it is, frees the slot and is no evidence against the server", async () => {
  const server = new FakeLlamaServer("m");
  const rig = await new DispatcherRig(server).open();
  server.generate = () => Promise.reject(new TypeError("a defect"));
  const client = await rig.requested();
  assertEquals([client.state(), rig.inflight, rig.fleet.readiness()], ["thrown", 0, "ready"]);
  await rig.close();
});

Deno.test("a request's time on slots is known at its end, whether it was served, left while it ran, or only waited", async () => {
  const rig = await new DispatcherRig(new FakeLlamaServer("m")).open();
  const [served, left, waited] = [await rig.requested(), await rig.requested(), await rig.requested()];
  await rig.pass(200);
  waited.leave();
  await waited.error();
  await rig.complete(served, 0);
  await rig.pass(50);
  left.leave();
  assertEquals([served, left, waited].map(({ timeline }) => timeline.slotMs), [200, 50, 0]);
  await rig.close();
});

Deno.test("with several servers, an endpoint that one lacks is asked of another", async () => {
  const [lacking, having] = [new FakeLlamaServer("m"), new FakeLlamaServer("m")];
  for (const server of [lacking, having]) server.description = { kind: "single", totalSlots: 2 };
  const rig = await new DispatcherRig(lacking, {}, having).open();
  const reply = { status: 501, contentType: "application/json", body: "{}" };
  lacking.refuseNext = new ModeldError("upstream_refused", "llama-server has no POST /v1/embeddings", { reply });
  const clients = [await rig.requested(), await rig.requested()];
  assertEquals([lacking.refuseNext, lacking.exchanges.length + having.exchanges.length], [undefined, 2]);
  assertEquals(clients.map((client) => client.state()), ["started", "started"]);
  for (const exchange of [...lacking.exchanges, ...having.exchanges]) exchange.complete();
  await rig.close();
});
