import { assertEquals } from "@std/assert";
import { ModeldError } from "../../src/base/errors.ts";
import { FakeAdapter } from "../support/fake_llama_server.ts";
import { ManagerRig } from "./dispatcher_rig.ts";

Deno.test("the status has every field of the contract, with slots, waits and the server beside them", async () => {
  const adapter = new FakeAdapter();
  adapter.listed.set("m", { id: "m", aliases: [], state: "loaded", sizeBytes: 3 * 2 ** 20, path: "/srv/m.gguf" });
  const rig = await new ManagerRig(adapter, { vramBudgetMb: 100, vramMarginMb: 7, maxQueueDepth: 5 }).open();
  const [first, second] = [await rig.inferred(), await rig.inferred()];
  await rig.pass(1_000);
  const unix = rig.clock.wallTime() / 1_000;
  const status = rig.manager.status();
  assertEquals(status, {
    instances: [{
      model_id: "m",
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
    server: {
      url: "http://127.0.0.1:8081",
      reachable: true,
      kind: "single",
      build: "b1",
      last_seen_unix: unix - 1,
    },
  });
  await rig.complete(first, 0);
  await rig.complete(second, 1);
  const [instance] = rig.manager.status().instances;
  assertEquals([instance?.last_used_unix, instance?.queue_wait_ms_p50], [unix, 1_000]);
  await rig.close();
});

Deno.test("loads, evictions and what is in progress are counted", async () => {
  const adapter = FakeAdapter.router(1, "a", "b");
  const rig = await new ManagerRig(adapter).open();
  const first = await rig.inferred("a");
  assertEquals(rig.manager.status().warmups_in_progress, 1);
  adapter.set("a", "loaded");
  await rig.pass(600);
  await rig.complete(first, 0);
  const second = await rig.inferred("b");
  assertEquals(rig.manager.status().draining_count, 1);
  adapter.set("a", "unloaded");
  await rig.pass(600);
  adapter.set("b", "loaded");
  await rig.pass(600);
  const { loads_total, evictions_total, warmups_in_progress, draining_count } = rig.manager.status();
  assertEquals([loads_total, evictions_total, warmups_in_progress, draining_count], [2, 1, 0, 0]);
  assertEquals(rig.events.map(({ event }) => event), [
    "server_found",
    "load_start",
    "load_done",
    "evict",
    "load_start",
    "load_done",
  ]);
  assertEquals(rig.events[1], { event: "load_start", model: "a", est_vram_mb: 1, time: "2026-01-01T00:00:00.000Z" });
  await rig.complete(second, 1);
  await rig.close();
});

Deno.test("a lost server is an error in the status, with its reason; afterwards it is the last error", async () => {
  const adapter = new FakeAdapter("m");
  const rig = await new ManagerRig(adapter).open();
  adapter.down = new ModeldError("unreachable", "connection refused");
  await rig.pass(3_000);
  const lost = rig.manager.status();
  assertEquals([lost.state, lost.error, lost.server?.reachable], ["error", "connection refused", false]);
  assertEquals(lost.instances.map(({ state, reason }) => [state, reason]), [["error", "llama-server is lost"]]);
  adapter.down = undefined;
  await rig.pass(3_000);
  const found = rig.manager.status();
  assertEquals([found.state, found.error, found.last_error], ["ready", undefined, "connection refused"]);
  await rig.close();
});

Deno.test("a router is ready when the default model can be loaded, and not when it failed to", async () => {
  const adapter = FakeAdapter.router(0, "a", "b");
  const rig = await new ManagerRig(adapter, { defaultModel: "a" }).open();
  assertEquals(rig.manager.readiness(), "ready");
  const client = await rig.inferred();
  adapter.set("a", "failed", "out of memory");
  await rig.pass(600);
  assertEquals([(await client.error()).kind, rig.manager.readiness()], ["load_failed", "loading"]);
  await rig.close();
});

Deno.test("a router is ready again when the default model's back-off is over, for only a request makes it try", async () => {
  const adapter = FakeAdapter.router(0, "a", "b");
  const rig = await new ManagerRig(adapter, { defaultModel: "a" }).open();
  const client = await rig.inferred();
  adapter.set("a", "failed", "out of memory");
  await rig.pass(600);
  assertEquals([(await client.error()).kind, rig.manager.readiness()], ["load_failed", "loading"]);
  await rig.pass(1_200);
  assertEquals([rig.manager.readiness(), rig.manager.status().state], ["ready", "ready"]);
  await rig.close();
});

Deno.test("a server without the default model is not ready", async () => {
  const rig = await new ManagerRig(new FakeAdapter("m"), { defaultModel: "other" }).open();
  assertEquals(rig.manager.readiness(), "not configured");
  await rig.close();
});

Deno.test("the models are those of the server, named after their files", async () => {
  const adapter = FakeAdapter.router(0, "a");
  adapter.listed.set("b", { id: "b", aliases: [], state: "unloaded", path: "/srv/Qwen3-8B-Q4_K_M.gguf" });
  adapter.listed.set("/srv/c.gguf", { id: "/srv/c.gguf", aliases: [], state: "loaded" });
  const rig = await new ManagerRig(adapter).open();
  assertEquals(rig.manager.models(), [
    { id: "a", name: "a", path: "", quant: "" },
    { id: "b", name: "Qwen3-8B-Q4_K_M", path: "/srv/Qwen3-8B-Q4_K_M.gguf", quant: "Q4_K_M" },
    { id: "/srv/c.gguf", name: "c", path: "/srv/c.gguf", quant: "" },
  ]);
  await rig.close();
});
