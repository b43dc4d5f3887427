import { assertEquals } from "@std/assert";
import { ModeldError } from "../../src/base/errors.ts";
import { Timeline } from "../../src/base/timeline.ts";
import { Dispatcher } from "../../src/dispatch/dispatcher.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FakeLlamaServer } from "../support/fake_llama_server.ts";
import { ANYBODY, DispatcherRig, TERMS } from "./dispatcher_rig.ts";

Deno.test("the status has every field of the contract, with slots, waits and the servers beside them", async () => {
  const server = new FakeLlamaServer();
  server.listed.set("m", { id: "m", aliases: [], state: "loaded", sizeBytes: 3 * 2 ** 20, path: "/srv/m.gguf" });
  const rig = await new DispatcherRig(server, { vramBudgetMb: 100, vramMarginMb: 7, maxQueueDepth: 5 }).open();
  const [first, second] = [await rig.requested(), await rig.requested()];
  await rig.pass(1_000);
  const unix = rig.clock.wallTime() / 1_000;
  const status = rig.fleet.status();
  assertEquals(status, {
    instances: [{
      model_id: "m",
      server: "server-1",
      state: "ready",
      last_used_unix: 0,
      est_vram_mb: 3,
      est_source: "server",
      queue_len: 1,
      inflight: 1,
      max_queue_depth: 5,
      slots: 1,
      queue_wait_ms_p50: 0,
      loaded_since_unix: unix - 1,
    }],
    budget_mb: 100,
    used_est_mb: 3,
    margin_mb: 7,
    state: "ready",
    uptime_seconds: 1,
    server_time_unix: unix,
    evictions_total: 0,
    loads_total: 0,
    warmups_in_progress: 0,
    draining_count: 0,
    clients: [{ name: "other", waiting: 1, running: 1 }],
    servers: [{
      name: "server-1",
      url: "http://127.0.0.1:8081",
      state: "ready",
      kind: "single",
      build: "b1",
      slots: 1,
      running: 1,
      queue_wait_ms: 0,
      vram_used_mb: 3,
      vram_budget_mb: 100,
      last_seen_unix: unix - 1,
    }],
  });
  await rig.complete(first, 0);
  await rig.complete(second, 1);
  const [instance] = rig.fleet.status().instances;
  assertEquals([instance?.last_used_unix, instance?.queue_wait_ms_p50], [unix, 1_000]);
  assertEquals(instance?.expected_wait_ms, 0);
  await rig.close();
});

Deno.test("loads, evictions and what is in progress are counted", async () => {
  const server = FakeLlamaServer.router(1, "a", "b");
  const rig = await new DispatcherRig(server).open();
  const first = await rig.requested("a");
  assertEquals(rig.fleet.status().warmups_in_progress, 1);
  server.set("a", "loaded");
  await rig.pass(600);
  await rig.complete(first, 0);
  const second = await rig.requested("b");
  assertEquals(rig.fleet.status().draining_count, 1);
  server.set("a", "unloaded");
  await rig.pass(600);
  server.set("b", "loaded");
  await rig.pass(600);
  const { loads_total, evictions_total, warmups_in_progress, draining_count } = rig.fleet.status();
  assertEquals([loads_total, evictions_total, warmups_in_progress, draining_count], [2, 1, 0, 0]);
  assertEquals(rig.events.map(({ event }) => event), [
    "server_found",
    "load_start",
    "load_done",
    "evict",
    "load_start",
    "load_done",
  ]);
  assertEquals(rig.events[1], {
    event: "load_start",
    model: "a",
    est_vram_mb: 1,
    server: "server-1",
    time: "2026-01-01T00:00:00.000Z",
  });
  await rig.complete(second, 1);
  await rig.close();
});

Deno.test("a lost server is an error in the status, with its reason; afterwards it is the last error", async () => {
  const server = new FakeLlamaServer("m");
  const rig = await new DispatcherRig(server).open();
  server.down = new ModeldError("unreachable", "connection refused", { isRefusal: true });
  await rig.pass(3_000);
  const lost = rig.fleet.status();
  assertEquals([lost.state, lost.error, lost.servers[0]?.state], ["error", "connection refused", "lost"]);
  assertEquals(lost.instances.map(({ state, reason }) => [state, reason]), [["error", "llama-server is lost"]]);
  server.down = undefined;
  await rig.pass(3_000);
  const found = rig.fleet.status();
  assertEquals([found.state, found.error, found.last_error], ["ready", undefined, "connection refused"]);
  await rig.close();
});

Deno.test("a router is ready when the default model can be loaded, and not when it failed to", async () => {
  const server = FakeLlamaServer.router(0, "a", "b");
  const rig = await new DispatcherRig(server, { defaultModel: "a" }).open();
  assertEquals(rig.fleet.readiness(), "ready");
  const client = await rig.requested();
  server.set("a", "failed", "out of memory");
  await rig.pass(600);
  assertEquals([(await client.error()).kind, rig.fleet.readiness()], ["load_failed", "loading"]);
  await rig.close();
});

Deno.test("a router is ready again when the default model's back-off is over, for only a request makes it try", async () => {
  const server = FakeLlamaServer.router(0, "a", "b");
  const rig = await new DispatcherRig(server, { defaultModel: "a" }).open();
  const client = await rig.requested();
  server.set("a", "failed", "out of memory");
  await rig.pass(600);
  assertEquals([(await client.error()).kind, rig.fleet.readiness()], ["load_failed", "loading"]);
  await rig.pass(1_200);
  assertEquals([rig.fleet.readiness(), rig.fleet.status().state], ["ready", "ready"]);
  await rig.close();
});

Deno.test("a server without the default model is not ready", async () => {
  const rig = await new DispatcherRig(new FakeLlamaServer("m"), { defaultModel: "other" }).open();
  assertEquals(rig.fleet.readiness(), "not configured");
  await rig.close();
});

Deno.test("the models are those of the server, named after their files", async () => {
  const server = FakeLlamaServer.router(0, "a");
  server.listed.set("b", { id: "b", aliases: [], state: "unloaded", path: "/srv/Qwen3-8B-Q4_K_M.gguf" });
  server.listed.set("/srv/c.gguf", { id: "/srv/c.gguf", aliases: [], state: "loaded" });
  const rig = await new DispatcherRig(server).open();
  assertEquals(rig.fleet.models(), [
    { id: "a", name: "a", path: "", quant: "" },
    { id: "b", name: "Qwen3-8B-Q4_K_M", path: "/srv/Qwen3-8B-Q4_K_M.gguf", quant: "Q4_K_M" },
    { id: "/srv/c.gguf", name: "c", path: "/srv/c.gguf", quant: "" },
  ]);
  await rig.close();
});

Deno.test("without any server nothing is configured, and every request is refused so", async () => {
  const clock = new FakeClock();
  const fleet = new Dispatcher({
    servers: [],
    terms: () => ({ ...TERMS, vramBudgetMb: 5 }),
    clock,
    random: () => 0,
  });
  fleet.start();
  fleet.open();
  const error: unknown = await fleet.exchange(
    { model: undefined, slots: 1, open: () => Promise.reject(new Error("there is no server")) },
    {
      id: "request",
      timeline: new Timeline("request", clock),
      client: ANYBODY,
      priority: "default",
      signal: new AbortController().signal,
    },
  ).catch((error) => error);
  assertEquals(error instanceof ModeldError && error.kind, "not_configured");
  assertEquals([fleet.readiness(), fleet.models()], ["not configured", []]);
  const { state, error: why, budget_mb, instances } = fleet.status();
  assertEquals([state, budget_mb, instances], ["error", 5, []]);
  assertEquals(why, "llama adapter not initialized: set --llama-url or LLAMA_URL");
  fleet.drain();
  assertEquals(fleet.readiness(), "draining");
  await fleet.close();
});
