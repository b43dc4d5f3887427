import { assertEquals, assertStringIncludes } from "@std/assert";
import { ANYBODY } from "./dispatcher_rig.ts";
import { MachineRig, standing } from "./machine_rig.ts";

const LOADED = { m: { state: "loaded" } } as const;

Deno.test("a request gets a free slot at once, and one slot serves one request", () => {
  const rig = new MachineRig(LOADED);
  assertEquals(standing(rig.arrive("m"), rig.arrive("m")), ["running", "waiting"]);
});

Deno.test("more slots are used as soon as the server says that it has them", () => {
  const rig = new MachineRig(LOADED);
  const requests = [rig.arrive("m"), rig.arrive("m"), rig.arrive("m")];
  rig.capacity("m", 2);
  assertEquals(standing(...requests), ["running", "running", "waiting"]);
});

Deno.test("max-inflight overrides what the server says", () => {
  const rig = new MachineRig(LOADED, { maxInflight: 2 });
  rig.capacity("m", 4);
  assertEquals(standing(rig.arrive("m"), rig.arrive("m"), rig.arrive("m")), ["running", "running", "waiting"]);
});

Deno.test("slots are given first come first served", () => {
  const rig = new MachineRig(LOADED);
  const requests = [rig.arrive("m"), rig.arrive("m"), rig.arrive("m"), rig.arrive("m")];
  for (const request of requests) rig.finish(request);
  assertEquals(rig.started, requests);
});

Deno.test("a request beyond max-queue-depth is refused with its numbers and when to come back", () => {
  const rig = new MachineRig(LOADED, { maxQueueDepth: 2 });
  const requests = [rig.arrive("m"), rig.arrive("m"), rig.arrive("m"), rig.arrive("m")];
  assertEquals(standing(...requests), ["running", "waiting", "waiting", "queue_full"]);
  const refusal = requests[3]?.refusal;
  assertEquals(refusal?.message, "too busy: m: 2 of 2 requests waiting, 1 of 1 slots in use");
  assertEquals(refusal?.retryAfterSeconds, 3);
});

Deno.test("with a queue depth of zero nobody waits for a slot", () => {
  const rig = new MachineRig(LOADED, { maxQueueDepth: 0 });
  assertEquals(standing(rig.arrive("m"), rig.arrive("m")), ["running", "queue_full"]);
});

Deno.test("with a queue depth of zero a request may still wait for its model to load, for there is a slot for it", () => {
  const rig = new MachineRig({ m: {} }, { maxQueueDepth: 0 });
  const requests = [rig.arrive("m"), rig.arrive("m")];
  rig.obey("loaded");
  assertEquals(standing(...requests), ["running", "queue_full"]);
});

Deno.test("when to come back follows from the recent service time, the queue ahead and the slots", () => {
  const rig = new MachineRig(LOADED, { maxQueueDepth: 3, maxInflight: 2 });
  const first = rig.arrive("m");
  rig.now += 10_000;
  rig.finish(first);
  for (let count = 0; count < 5; count++) rig.arrive("m");
  // Four rounds of half a queue each: (3 waiting + this one) / 2 slots * 10 s.
  assertEquals(rig.arrive("m").refusal?.retryAfterSeconds, 20);
});

Deno.test("a request that waited max-wait for a slot is refused once, and its place is free", () => {
  const rig = new MachineRig(LOADED, { maxWait: 500, maxQueueDepth: 1 });
  const [first, second] = [rig.arrive("m"), rig.arrive("m")];
  rig.pass(500);
  assertEquals(standing(first, second), ["running", "wait_timeout"]);
  assertEquals(
    second.refusal?.message,
    "too busy: m: no slot within 500 ms, 1 of 1 slots in use, 0 more requests waiting",
  );
  assertEquals(standing(rig.arrive("m")), ["waiting"]);
});

Deno.test("max-wait counts from arrival to slot, loading included", () => {
  const rig = new MachineRig({ m: {} }, { maxWait: 500 });
  const [first, second] = [rig.arrive("m"), rig.arrive("m")];
  rig.now += 400;
  rig.obey("loaded");
  rig.pass(100);
  assertEquals(standing(first, second), ["running", "wait_timeout"]);
});

Deno.test("max-wait counts the time for which the arrival limiter held a request back", () => {
  const rig = new MachineRig(LOADED, { maxWait: 500 });
  rig.arrive("m");
  rig.now += 400;
  // Its own clock stands at 0, when it came.
  const held = rig.arrive("m", 1, ANYBODY, { stage: "queue" });
  rig.pass(100);
  assertEquals(standing(held), ["wait_timeout"]);
});

Deno.test("a model that is not ready within max-wait is refused with loading", () => {
  const rig = new MachineRig({ m: {} }, { maxWait: 500 });
  const request = rig.arrive("m");
  rig.pass(500);
  assertEquals(standing(request), ["loading"]);
  assertStringIncludes(request.refusal?.message ?? "", "m is loading");
});

Deno.test("without max-wait a request waits as long as it takes", () => {
  const rig = new MachineRig(LOADED, { maxWait: 0 });
  rig.arrive("m");
  const second = rig.arrive("m");
  rig.pass(1e9);
  assertEquals(standing(second), ["waiting"]);
});

Deno.test("requests that llama-server could not begin wait again in the order in which they came", () => {
  const rig = new MachineRig(LOADED, { maxInflight: 2 });
  const [first, second, third] = [rig.arrive("m"), rig.arrive("m"), rig.arrive("m")];
  rig.notBegun(first);
  rig.notBegun(second);
  assertEquals(rig.instance("m").state, "loading");
  assertEquals(rig.model("m").waiting, 3);
  rig.now += 200;
  rig.poll();
  assertEquals(standing(first, second, third), ["running", "running", "waiting"]);
});

Deno.test("a server that says ready and answers loading is not asked in a tight loop", () => {
  const rig = new MachineRig(LOADED);
  const request = rig.arrive("m");
  rig.notBegun(request);
  rig.poll();
  assertEquals(standing(request), ["waiting"]);
});

Deno.test("completion, departure and deadline in the same tick have one outcome", () => {
  const rig = new MachineRig(LOADED, { maxWait: 500 });
  const [first, second] = [rig.arrive("m"), rig.arrive("m")];
  rig.now += 500;
  rig.finish(first);
  rig.step({ is: "tick" });
  rig.leave(second);
  assertEquals(standing(second), ["running"]);
  rig.finish(second, { kind: "cancelled" });
  rig.step({ is: "finish", request: second, ending: { kind: "completed" } });
  rig.notBegun(second);
  assertEquals([rig.instance("m").leased, rig.model("m").waiting], [0, 0]);
});

Deno.test("a request for a model that leaves the server's list is refused as not found, and one in flight goes on", () => {
  const rig = new MachineRig(LOADED);
  const [first, second] = [rig.arrive("m"), rig.arrive("m")];
  rig.unlist("m");
  rig.poll();
  assertEquals(standing(first, second), ["running", "model_not_found"]);
  rig.finish(first);
  assertEquals(rig.states.length, 0);
});

Deno.test("a model that has left the server's list takes no new request while one still runs on it", () => {
  const rig = new MachineRig(LOADED);
  const first = rig.arrive("m");
  rig.unlist("m");
  rig.poll();
  const late = rig.arrive("m");
  rig.finish(first);
  assertEquals(standing(late), ["model_not_found"]);
});

Deno.test("a request that could not begin before its model left the server's list is refused as not found", () => {
  const rig = new MachineRig(LOADED, { maxInflight: 2 });
  const [first, second] = [rig.arrive("m"), rig.arrive("m")];
  rig.unlist("m");
  rig.poll();
  rig.notBegun(first);
  rig.finish(second);
  assertEquals([standing(first), rig.states.length], [["model_not_found"], 0]);
});

Deno.test("a server restarted with another model serves it by default, though a request still runs on the old one", () => {
  const rig = new MachineRig(LOADED);
  rig.arrive("m");
  rig.unlist("m");
  rig.list("n", { state: "loaded" });
  rig.poll();
  assertEquals(standing(rig.arrive("")), ["running"]);
});

Deno.test("requests that come before the server was first seen wait for it, in order, and are then judged", () => {
  const rig = new MachineRig(LOADED, { seen: false });
  const requests = [rig.arrive("m"), rig.arrive("nobody"), rig.arrive("m")];
  assertEquals(standing(...requests), ["waiting", "waiting", "waiting"]);
  rig.poll();
  assertEquals(standing(...requests), ["running", "model_not_found", "waiting"]);
});

Deno.test("requests that come before the server was first seen are told when it cannot be", () => {
  const rig = new MachineRig(LOADED, { seen: false, maxWait: 500, maxQueueDepth: 1 });
  const [late, left, tooMany] = [rig.arrive("m"), rig.arrive("m"), rig.arrive("m")];
  rig.leave(left);
  rig.pass(500);
  const lost = rig.arrive("m");
  rig.lose();
  assertEquals(standing(late, left, tooMany, lost), ["loading", "ended", "loading", "unreachable"]);
});

Deno.test("requests that came before the server was first seen are turned away by a shutdown", () => {
  const rig = new MachineRig(LOADED, { seen: false });
  const request = rig.arrive("m");
  rig.step({ is: "drain" });
  assertEquals(standing(request), ["shutting_down"]);
});
