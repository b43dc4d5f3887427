import { assertEquals, assertStringIncludes } from "@std/assert";
import { ModeldError } from "../../src/base/errors.ts";
import { MachineRig, standing, unreachable } from "./machine_rig.ts";

Deno.test("requests for the same model share one load", () => {
  const rig = new MachineRig({ a: {} });
  const requests = [rig.arrive("a"), rig.arrive("a"), rig.arrive("a")];
  rig.obey("loaded");
  rig.capacity("a", 3);
  assertEquals([rig.orders, standing(...requests)], [["load a"], ["running", "running", "running"]]);
});

Deno.test("a request that leaves does not stop the load that another waits for", () => {
  const rig = new MachineRig({ a: {} });
  const [first, second] = [rig.arrive("a"), rig.arrive("a")];
  rig.leave(first);
  rig.obey("loaded");
  assertEquals([rig.orders, standing(second)], [["load a"], ["running"]]);
});

Deno.test("a load goes on when everybody has left, and the model then counts as idle", () => {
  const rig = new MachineRig({ a: {}, b: {} }, { maxInstances: 1 });
  rig.leave(rig.arrive("a"));
  rig.obey("loaded");
  rig.arrive("b");
  assertEquals(rig.orders, ["load a", "unload a"]);
});

Deno.test("a load that fails refuses everybody who waits with the server's reason, and nobody else", () => {
  const rig = new MachineRig({ a: {}, b: { state: "loaded" } });
  const [first, second, other] = [rig.arrive("a"), rig.arrive("a"), rig.arrive("b")];
  rig.obey("failed", "out of memory");
  assertEquals(standing(first, second, other), ["load_failed", "load_failed", "running"]);
  assertEquals(first.refusal?.message, "model failed to load: a: out of memory");
  assertEquals(rig.instance("a").state, "error");
});

Deno.test("a failed load is not tried again before its back-off, which doubles", () => {
  const rig = new MachineRig({ a: {} });
  rig.arrive("a");
  rig.obey("failed", "out of memory");
  for (const backOff of [1_000, 2_000, 4_000]) {
    rig.pass(backOff - 2);
    const early = rig.arrive("a");
    assertEquals([standing(early), early.refusal?.retryAfterSeconds], [["load_failed"], 1]);
    rig.pass(2);
    const orders = rig.orders.length;
    rig.arrive("a");
    assertEquals(rig.orders.length, orders + 1);
    rig.obey("failed", "out of memory");
  }
});

Deno.test("a load that the server refuses fails with the server's words", () => {
  const rig = new MachineRig({ a: {} });
  const request = rig.arrive("a");
  rig.server({ is: "refused", model: "a", error: new ModeldError("upstream_error", "no such file") });
  assertEquals(request.refusal?.message, "model failed to load: a: no such file");
});

Deno.test("a model whose process dies after it has served is loaded again at once", () => {
  const rig = new MachineRig({ a: {} });
  rig.serve("a");
  rig.become("a", "failed", "killed");
  rig.arrive("a");
  assertEquals(rig.orders, ["load a", "load a"]);
  assertEquals(rig.state.servers.get("s1")?.lastError?.message, "a: killed");
});

Deno.test("a model whose process dies before it has served counts as failed, so that it is no restart storm", () => {
  const rig = new MachineRig({ a: {} });
  const [first, second] = [rig.arrive("a"), rig.arrive("a")];
  rig.obey("loaded");
  rig.become("a", "failed", "killed");
  assertEquals(standing(first, second), ["running", "load_failed"]);
  assertEquals(rig.orders, ["load a"]);
});

Deno.test("a model whose process dies of its first request is not loaded for each that waits: it is no restart storm", () => {
  const rig = new MachineRig({ a: {} });
  const [first, second, third] = [rig.arrive("a"), rig.arrive("a"), rig.arrive("a")];
  rig.obey("loaded");
  rig.finish(first, { kind: "failed", error: new ModeldError("truncated", "the connection broke") });
  assertEquals(standing(second), ["running"]);
  rig.finish(second, { kind: "failed", error: new ModeldError("upstream_error", "500: proxy error") });
  rig.become("a", "failed", "killed");
  rig.finish(third, { kind: "failed", error: new ModeldError("upstream_error", "500: proxy error") });
  assertEquals([standing(rig.arrive("a")), rig.orders], [["load_failed"], ["load a"]]);
});

Deno.test("what was asked before a load was accepted does not end the load", () => {
  const rig = new MachineRig({ a: {} });
  const request = rig.arrive("a");
  const askedAt = ++rig.now;
  rig.now++;
  rig.accept();
  rig.poll("s1", askedAt);
  assertEquals([rig.instance("a").state, standing(request)], ["loading", ["waiting"]]);
});

Deno.test("a list that was asked for before a load does not make the model unknown, nor its memory free", () => {
  const rig = new MachineRig({ a: {}, b: {} }, { maxInstances: 1 });
  const askedAt = ++rig.now;
  rig.now++;
  const [first, second] = [rig.arrive("a"), rig.arrive("b")];
  rig.unlist("a");
  rig.poll("s1", askedAt);
  assertEquals([standing(first, second), rig.orders], [["waiting", "waiting"], ["load a"]]);
});

Deno.test("a model that others loaded is served, and one that others unloaded is loaded again", () => {
  const rig = new MachineRig({ a: {} });
  rig.become("a", "loaded");
  rig.serve("a");
  assertEquals(rig.orders, []);
  rig.become("a", "unloaded");
  rig.arrive("a");
  assertEquals(rig.orders, ["load a"]);
});

Deno.test("a model that nobody used for idle-unload is unloaded, and one in use is not", () => {
  const rig = new MachineRig({ a: { state: "loaded" }, b: { state: "loaded" } }, { idleUnload: 1_000 });
  rig.pass(600);
  rig.arrive("b");
  rig.serve("a");
  rig.pass(999);
  assertEquals(rig.orders, []);
  rig.pass(1);
  assertEquals(rig.orders, ["unload a"]);
  rig.obey("unloaded");
  assertEquals(rig.emitted.at(-1), { event: "unload", model: "a", cause: "idle" });
});

Deno.test("a request that meets a model on its way out waits, and the model is loaded again", () => {
  const rig = new MachineRig({ a: { state: "loaded" } }, { idleUnload: 1_000 });
  rig.pass(1_000);
  const request = rig.arrive("a");
  rig.obey("unloaded");
  assertEquals(rig.orders, ["unload a", "load a"]);
  rig.obey("loaded");
  assertEquals(standing(request), ["running"]);
});

Deno.test("an unload that is not confirmed in time is an error that keeps its memory until the server confirms it", () => {
  const rig = new MachineRig({ a: { state: "loaded", sizeMb: 6 }, b: { sizeMb: 6 } }, {
    idleUnload: 1_000,
    vramBudgetMb: 10,
  });
  rig.pass(1_000);
  rig.accept();
  const waited = rig.arrive("a");
  rig.pass(2_000);
  const late = rig.arrive("a");
  assertEquals([rig.instance("a").state, standing(waited, late)], ["error", ["load_failed", "load_failed"]]);
  assertEquals(
    late.refusal?.message,
    "model failed to load: a: llama-server has not confirmed its unload within 2000 ms",
  );

  const other = rig.arrive("b");
  rig.poll();
  assertEquals([rig.orders, standing(other)], [["unload a"], ["waiting"]]);
  rig.become("a", "unloaded");
  assertEquals(rig.orders, ["unload a", "load b"]);
});

Deno.test("a model that stays loaded despite its unload is used again after a back-off", () => {
  const rig = new MachineRig({ a: { state: "loaded" } }, { idleUnload: 1_000 });
  rig.pass(1_000);
  rig.accept();
  rig.pass(2_000);
  rig.poll();
  assertEquals(rig.instance("a").state, "error");
  rig.now += 1_000;
  rig.poll();
  assertEquals(standing(rig.arrive("a")), ["running"]);
});

Deno.test("after a loss nothing is loaded before the server has said again what it holds", () => {
  const rig = new MachineRig({ a: {} });
  rig.arrive("a");
  const askedAt = ++rig.now;
  rig.lose();
  rig.poll("s1", askedAt);
  const request = rig.arrive("a");
  assertEquals(rig.orders, ["load a"]);
  rig.now++;
  rig.server({ is: "refused", model: "a", error: unreachable() });
  assertEquals(standing(request), ["unreachable"]);
});

Deno.test("losing and finding the server are told once each, and those who wait are refused as unreachable", () => {
  const rig = new MachineRig({ a: {} });
  const request = rig.arrive("a");
  rig.lose();
  rig.lose();
  rig.poll();
  rig.poll();
  assertEquals(standing(request), ["unreachable"]);
  assertEquals(rig.emitted.map(({ event }) => event), ["server_found", "load_start", "server_lost", "server_found"]);
});

Deno.test("after a loss every model is what the server says it is", () => {
  const rig = new MachineRig({ a: { state: "loaded" }, b: {}, c: {} });
  rig.arrive("c");
  rig.obey("failed", "out of memory");
  rig.lose();
  assertEquals(rig.states, ["error", "error", "error"]);
  rig.list("c", { state: "unloaded" });
  rig.poll();
  assertEquals(rig.states, ["ready", "unloaded", "unloaded"]);
});

Deno.test("a request that failed to reach the server does not outweigh a later look that did", () => {
  const rig = new MachineRig({ a: { state: "loaded" } }, { maxInflight: 2 });
  const [old, present] = [rig.arrive("a"), rig.arrive("a")];
  rig.poll();
  rig.finish(old, { kind: "failed", error: unreachable() });
  assertEquals(rig.state.servers.get("s1")?.view.is, "found");
  rig.finish(present);
  rig.now++;
  rig.finish(rig.arrive("a"), { kind: "failed", error: unreachable() });
  assertEquals(rig.state.servers.get("s1")?.view.is, "lost");
});

Deno.test("a server that refuses modeld's key is not called unreachable", () => {
  const rig = new MachineRig({ a: {} });
  rig.lose("s1", new ModeldError("upstream_refused", "401: invalid API key"));
  const request = rig.arrive("a");
  assertEquals(standing(request), ["upstream_refused"]);
  assertStringIncludes(request.refusal?.message ?? "", "invalid API key");
});
