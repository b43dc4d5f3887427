import { assertEquals, assertStringIncludes } from "@std/assert";
import { ModeldError } from "../../src/base/errors.ts";
import { FakeAdapter } from "../support/fake_llama_server.ts";
import { ManagerRig } from "./dispatcher_rig.ts";

Deno.test("a request for a ready model starts at once and gives its slot back at its end", async () => {
  const rig = await new ManagerRig(new FakeAdapter("m")).open();
  const client = await rig.inferred();
  assertEquals(rig.adapter.last.request, { prompt: "hello", model: "m" });
  assertEquals(rig.manager.status().instances[0]?.inflight, 1);
  await rig.complete(client, 0);
  assertEquals(rig.manager.status().instances[0]?.inflight, 0);
  assertEquals(client.timeline.model, "m");
  await rig.close();
});

Deno.test("ten requests on four slots with the default queue are all served, first come first served", async () => {
  const adapter = new FakeAdapter("m");
  adapter.description = { kind: "single", totalSlots: 4 };
  const rig = await new ManagerRig(adapter).open();
  const clients = Array.from({ length: 10 }, () => rig.infer());
  await rig.clock.tick(0);
  assertEquals(clients.map((client) => client.state()).filter((state) => state === "started").length, 4);
  for (const [index, client] of clients.entries()) {
    assertEquals(client.state(), "started");
    await rig.complete(client, index);
  }
  await rig.close();
});

Deno.test("the time in the queue is marked, also that of a request which is served at once: none", async () => {
  const rig = await new ManagerRig(new FakeAdapter("m")).open();
  const [first, second] = [await rig.inferred(), await rig.inferred()];
  await rig.pass(200);
  await rig.complete(first, 0);
  await rig.complete(second, 1);
  const stages = [first, second].map(({ timeline }) => timeline.spans.map(({ stage }) => stage));
  assertEquals(stages, [["queue", "prefill"], ["queue", "prefill"]]);
  assertEquals([first.timeline.spent("queue"), second.timeline.spent("queue")], [0, 200]);
  await rig.close();
});

Deno.test("a client that leaves while queued never reaches llama-server, and the next moves up", async () => {
  const rig = await new ManagerRig(new FakeAdapter("m")).open();
  const [first, second, third] = [await rig.inferred(), await rig.inferred(), await rig.inferred()];
  second.leave();
  assertEquals((await second.error()).kind, "cancelled");
  await rig.complete(first, 0);
  assertEquals(rig.adapter.generations.length, 2);
  await rig.complete(third, 1);
  await rig.close();
});

Deno.test("a client that leaves in the moment its slot comes free never reaches llama-server", async () => {
  const rig = await new ManagerRig(new FakeAdapter("m")).open();
  const [first, second] = [await rig.inferred(), await rig.inferred()];
  const generation = await first.generation;
  generation.cancel();
  second.leave();
  assertEquals((await second.error()).kind, "cancelled");
  assertEquals(rig.adapter.generations.length, 1);
  await rig.close();
});

Deno.test("a full queue turns the next request away with its numbers and when to come back", async () => {
  const rig = await new ManagerRig(new FakeAdapter("m"), { maxQueueDepth: 1 }).open();
  const [first, second] = [await rig.inferred(), await rig.inferred()];
  const error = await rig.infer().error();
  assertEquals(error.kind, "queue_full");
  assertEquals(error.message, "too busy: m: 1 of 1 requests waiting, 1 of 1 slots in use");
  assertEquals(error.retryAfterSeconds, 2);
  await rig.complete(first, 0);
  await rig.complete(second, 1);
  await rig.close();
});

Deno.test("a request that waited max-wait for a slot is turned away after one max-wait and is out of the queue", async () => {
  const rig = await new ManagerRig(new FakeAdapter("m"), { maxWait: 500 }).open();
  const [first, second] = [await rig.inferred(), await rig.inferred()];
  await rig.clock.tick(499);
  assertEquals(second.state(), "pending");
  await rig.clock.tick(1);
  assertEquals(second.state(), "wait_timeout");
  assertStringIncludes((await second.error()).message, "too busy: m: no slot within 500 ms");
  assertEquals(rig.manager.status().instances[0]?.queue_len, 0);
  await rig.complete(first, 0);
  await rig.close();
});

Deno.test("a request that meets a loading server waits for it within max-wait and is then served", async () => {
  const adapter = new FakeAdapter("m");
  const rig = await new ManagerRig(adapter).open();
  adapter.healthState = "loading";
  adapter.refuseNext = new ModeldError("loading", "Loading model");
  const client = await rig.inferred();
  await rig.pass(300);
  assertEquals([client.state(), client.timeline.stage, rig.manager.readiness()], ["pending", "load", "loading"]);
  adapter.healthState = "ready";
  await rig.pass(300);
  await rig.complete(client, 0);
  await rig.close();
});

Deno.test("a known server that answers every question with loading, as it does while it loads, is waited for", async () => {
  const adapter = new FakeAdapter("m");
  const rig = await new ManagerRig(adapter).open();
  adapter.down = new ModeldError("loading", "Loading model");
  await rig.pass(3_000);
  const client = await rig.inferred();
  await rig.pass(300);
  assertEquals([client.state(), rig.manager.readiness()], ["pending", "loading"]);
  adapter.down = undefined;
  await rig.pass(300);
  await rig.complete(client, 0);
  await rig.close();
});

Deno.test("a server that has said nothing yet but that it is loading is waited for", async () => {
  const adapter = new FakeAdapter("m");
  adapter.down = new ModeldError("loading", "Loading model");
  const rig = await new ManagerRig(adapter).open();
  assertEquals(rig.manager.readiness(), "loading");
  const client = await rig.inferred();
  await rig.pass(300);
  assertEquals([client.state(), rig.manager.status().server?.reachable], ["pending", true]);
  adapter.down = undefined;
  await rig.pass(300);
  await rig.complete(client, 0);
  await rig.close();
});

Deno.test("a model that is not ready within max-wait is refused with loading, not with too busy", async () => {
  const adapter = new FakeAdapter("m");
  adapter.healthState = "loading";
  const rig = await new ManagerRig(adapter, { maxWait: 500 }).open();
  const client = await rig.inferred();
  await rig.clock.tick(500);
  const error = await client.error();
  assertEquals([error.kind, error.retryAfterSeconds], ["loading", 5]);
  await rig.close();
});

Deno.test("requests fail fast while llama-server is away, and are served again when it is back", async () => {
  const adapter = new FakeAdapter("m");
  const rig = await new ManagerRig(adapter).open();
  adapter.down = new ModeldError("unreachable", "connection refused");
  const met = await rig.infer().error();
  assertEquals(met.kind, "unreachable");
  assertEquals([adapter.forgotten, rig.manager.readiness()], [1, "unreachable"]);
  assertEquals((await rig.infer().error()).kind, "unreachable");
  adapter.down = undefined;
  await rig.pass(5_000);
  assertEquals(rig.manager.readiness(), "ready");
  await rig.complete(await rig.inferred(), 0);
  assertEquals(rig.events.map(({ event }) => event), ["server_found", "server_lost", "server_found"]);
  await rig.close();
});

Deno.test("a server that is looked at in vain is lost, and those who wait are told", async () => {
  const adapter = new FakeAdapter("m");
  const rig = await new ManagerRig(adapter).open();
  const [first, second] = [await rig.inferred(), await rig.inferred()];
  adapter.down = new ModeldError("unreachable", "connection refused");
  await rig.pass(3_000);
  assertEquals(second.state(), "unreachable");
  await rig.complete(first, 0);
  await rig.close();
});

Deno.test("an unknown model is not found and takes no slot", async () => {
  const rig = await new ManagerRig(new FakeAdapter("m")).open();
  const error = await rig.infer("other").error();
  assertEquals([error.kind, rig.manager.status().instances[0]?.inflight], ["model_not_found", 0]);
  await rig.close();
});

Deno.test("a model named by its alias or its file reaches llama-server by its id", async () => {
  const adapter = new FakeAdapter();
  adapter.listed.set("m", { id: "m", aliases: ["other"], state: "loaded", path: "/srv/tiny-Q4.gguf" });
  const rig = await new ManagerRig(adapter, { maxInflight: 4 }).open();
  for (const name of ["m", "other", "tiny-Q4", "tiny-Q4.gguf"]) {
    const client = await rig.inferred(name);
    assertEquals([adapter.last.request.model, client.timeline.model], ["m", "m"], name);
    (await client.generation).cancel();
  }
  await rig.close();
});

Deno.test("a server without a list takes any name, and no client can make it a label", async () => {
  const adapter = new FakeAdapter();
  adapter.hasList = false;
  adapter.description = { kind: "native" };
  const rig = await new ManagerRig(adapter).open();
  const client = await rig.inferred("anything");
  assertEquals([adapter.last.request.model, client.timeline.model], ["anything", "default"]);
  await rig.complete(client, 0);
  await rig.close();
});

Deno.test("before it is opened, requests are refused with loading", async () => {
  const rig = new ManagerRig(new FakeAdapter("m"));
  rig.manager.start();
  await rig.clock.tick(0);
  assertEquals([(await rig.infer().error()).kind, rig.manager.readiness()], ["loading", "loading"]);
  await rig.close();
});

Deno.test("draining turns new and queued requests away and lets those in flight end", async () => {
  const rig = await new ManagerRig(new FakeAdapter("m")).open();
  const [first, second] = [await rig.inferred(), await rig.inferred()];
  rig.manager.drain();
  const error = await second.error();
  assertEquals([error.kind, error.retryAfterSeconds], ["shutting_down", 1]);
  assertEquals([(await rig.infer().error()).kind, rig.manager.readiness()], ["shutting_down", "draining"]);
  await rig.complete(first, 0);
  await rig.close();
  assertEquals(rig.adapter.closed, true);
});

Deno.test("a request that gets its slot at once sets no timer, and many that wait share one", async () => {
  const rig = await new ManagerRig(new FakeAdapter("m")).open();
  const timers = rig.clock.pendingTimers;
  const first = await rig.inferred();
  assertEquals(rig.clock.pendingTimers, timers);
  const waiting = [rig.infer(), rig.infer(), rig.infer()];
  assertEquals(rig.clock.pendingTimers, timers + 1);
  for (const [index, client] of [first, ...waiting].entries()) await rig.complete(client, index);
  await rig.close();
});

Deno.test("a request that has waited leaves no listener of the queue on its signal", async () => {
  const rig = await new ManagerRig(new FakeAdapter("m")).open();
  const first = await rig.inferred();
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  signal.addEventListener = (_: string, listener: unknown) => void listeners.add(listener);
  signal.removeEventListener = (_: string, listener: unknown) => void listeners.delete(listener);
  const second = rig.manager.infer({ prompt: "hello" }, first.timeline, signal);
  const [ofQueue] = listeners;
  await rig.complete(first, 0);
  const generation = await second;
  assertEquals([ofQueue === undefined, listeners.has(ofQueue)], [false, false]);
  generation.cancel();
  await rig.close();
});

Deno.test("a generation that is cancelled after its end, or twice, gives its slot back once", async () => {
  const adapter = new FakeAdapter("m");
  const rig = await new ManagerRig(adapter, { maxInflight: 2 }).open();
  const [first, second] = [await rig.inferred(), await rig.inferred()];
  await rig.complete(first, 0);
  (await first.generation).cancel();
  (await first.generation).cancel();
  assertEquals(rig.manager.status().instances[0]?.inflight, 1);
  await rig.complete(second, 1);
  await rig.close();
});

Deno.test("a model is loaded on demand, and a request that waits for it is in stage load until then", async () => {
  const adapter = FakeAdapter.router(0, "a");
  adapter.slots = 2;
  const rig = await new ManagerRig(adapter).open();
  const clients = [await rig.inferred("a"), await rig.inferred("a"), await rig.inferred("a")];
  assertEquals(clients.map(({ timeline }) => timeline.stage), ["load", "load", "load"]);
  await rig.clock.tick(50);
  adapter.set("a", "loaded");
  await rig.pass(50);
  assertEquals(clients.map(({ timeline }) => timeline.stage), ["prefill", "prefill", "queue"]);
  assertEquals(adapter.orders, ["load a"]);
  for (const [index, client] of clients.entries()) await rig.complete(client, index);
  await rig.close();
});

Deno.test("closing while a model loads ends at once and turns away whoever waits", async () => {
  const rig = await new ManagerRig(FakeAdapter.router(0, "a")).open();
  const client = await rig.inferred("a");
  await rig.close();
  assertEquals((await client.error()).kind, "shutting_down");
});

Deno.test("closing is no failure of a load that is being asked for", async () => {
  const adapter = FakeAdapter.router(0, "a");
  adapter.load = (_model, signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const rig = await new ManagerRig(adapter).open();
  await rig.inferred("a");
  await rig.close();
  assertEquals(rig.events.map(({ event }) => event), ["server_found", "load_start"]);
});

Deno.test("a client that leaves in the moment in which its request is put back does not stay in the queue", async () => {
  for (let moments = 0; moments < 6; moments++) {
    const adapter = new FakeAdapter("m");
    const rig = await new ManagerRig(adapter).open();
    adapter.healthState = "loading";
    adapter.refuseNext = new ModeldError("loading", "Loading model");
    const client = rig.infer();
    for (let moment = 0; moment < moments; moment++) await Promise.resolve();
    client.leave();
    await rig.clock.tick(0);
    assertEquals([client.state(), rig.manager.status().instances[0]?.inflight], ["cancelled", 0], `${moments}`);
    await rig.close();
  }
});
