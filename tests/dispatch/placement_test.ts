import { assertEquals } from "@std/assert";
import { ANYBODY } from "./dispatcher_rig.ts";
import { MachineRig, type RigOptions, standing } from "./machine_rig.ts";

/** Two models of which the budget holds one; `a` is loaded, has served, and is older than 5 s. */
function crowded(options: RigOptions = {}): MachineRig {
  const rig = new MachineRig({ a: { sizeMb: 6 }, b: { sizeMb: 6 } }, { vramBudgetMb: 10, maxInflight: 1, ...options });
  rig.serve("a");
  rig.pass(6_000);
  return rig;
}

Deno.test("a request for a model that fits only in place of a busy one waits, and gets its turn after a quarter of max-wait", () => {
  const rig = crowded({ maxWait: 20_000 });
  const running = rig.arrive("a");
  const waiting = rig.arrive("b");
  rig.pass(4_999);
  const before = rig.arrive("a");
  rig.finish(running);
  assertEquals(standing(waiting, before), ["waiting", "running"]);
  rig.pass(1);
  const behind = rig.arrive("a");
  rig.finish(before);
  assertEquals([standing(behind), rig.orders], [["waiting"], ["load a", "unload a"]]);
  rig.obey("unloaded");
  rig.obey("loaded");
  assertEquals([standing(waiting), rig.orders.at(-1)], [["running"], "load b"]);
});

Deno.test("steady traffic on one model does not keep another out: both are served in turn", () => {
  const rig = crowded({ maxWait: 60_000 });
  const clients = [rig.arrive("a"), rig.arrive("a")];
  const others = [rig.arrive("b"), rig.arrive("b")];
  let served = 0;
  for (let second = 0; second < 50 && others.some(({ phase }) => phase !== "ended"); second++) {
    rig.pass(1_000);
    if (rig.orders.at(-1) === "unload a" && rig.instance("a").state === "draining") rig.obey("unloaded");
    if (rig.orders.at(-1) === "load b" && rig.instance("b").state === "loading") rig.obey("loaded");
    for (const other of others) if (other.phase === "running") rig.finish(other);
    for (const client of clients.filter(({ phase }) => phase === "running")) {
      rig.finish(client);
      served++;
      clients.splice(clients.indexOf(client), 1, rig.arrive("a"));
    }
  }
  assertEquals(standing(...others), ["ended", "ended"]);
  assertEquals(served > 5, true, `${served} of a were served meanwhile`);
});

Deno.test("a model that was loaded stays at least five seconds, and at least as long as its load took", () => {
  const rig = new MachineRig({ a: { sizeMb: 6 }, b: { sizeMb: 6 } }, { vramBudgetMb: 10, maxInflight: 1, maxWait: 0 });
  const first = rig.arrive("a");
  rig.now += 30_000; // its load
  rig.obey("loaded");
  rig.finish(first);
  rig.arrive("a");
  rig.arrive("b");
  rig.pass(29_000);
  assertEquals(rig.instance("a").yieldsTo, undefined);
  rig.pass(1_010);
  assertEquals(rig.instance("a").yieldsTo, "b");
});

Deno.test("a request that would not live to see the switch is refused with when to come back", () => {
  const rig = crowded({ maxWait: 20_000 });
  const long = rig.arrive("a");
  rig.now += 60_000;
  rig.finish(long); // so a request takes some 12 s on average
  for (let count = 0; count < 20; count++) {
    const next = rig.arrive("a");
    rig.now += 60_000;
    rig.finish(next);
  }
  rig.arrive("a");
  const refused = rig.arrive("b");
  rig.pass(5_000);
  assertEquals(standing(refused), ["insufficient_vram"]);
  assertEquals((refused.refusal?.retryAfterSeconds ?? 0) > 20, true);
  assertEquals(
    refused.refusal?.message,
    "no room for model b: 6 of 10 MB are used by models with requests in flight or queued",
  );
  assertEquals(rig.instance("a").yieldsTo, undefined);
});

Deno.test("a model that drains for another goes on when nobody waits for the other any more", () => {
  const rig = crowded({ maxWait: 20_000 });
  const running = rig.arrive("a");
  const waiting = rig.arrive("b");
  rig.pass(5_000);
  const behind = rig.arrive("a");
  rig.leave(waiting);
  rig.finish(running);
  assertEquals([standing(behind), rig.orders], [["running"], ["load a"]]);
});

Deno.test("with two routers a model is loaded where there is room", () => {
  const rig = new MachineRig({ a: { sizeMb: 6 }, b: { sizeMb: 6 } }, { vramBudgetMb: 10, servers: ["s1", "s2"] });
  rig.arrive("a");
  rig.obey("loaded");
  rig.arrive("b");
  assertEquals(rig.orders, ["load a", "load b@s2"]);
});

/** Two routers; \`a\` is loaded on the first in 2 s, has one slot there, and holds it for 3 s. */
function twoRouters(options: RigOptions = {}): MachineRig {
  const rig = new MachineRig({ a: { sizeMb: 6 }, b: { sizeMb: 6 } }, {
    servers: ["s1", "s2"],
    maxInflight: 1,
    ...options,
  });
  const first = rig.arrive("a");
  rig.now += 2_000;
  rig.obey("loaded");
  rig.now += 3_000;
  rig.finish(first);
  return rig;
}

Deno.test("a model is loaded on one more server when its queue is expected to wait for longer than the load takes", () => {
  const rig = twoRouters();
  const running = rig.arrive("a");
  assertEquals(rig.orders, ["load a"]);
  const waiting = [rig.arrive("a"), rig.arrive("a"), rig.arrive("a")];
  assertEquals(rig.orders, ["load a", "load a@s2"]);
  rig.obey("loaded");
  assertEquals([standing(running, ...waiting), rig.orders.length], [["running", "running", "waiting", "waiting"], 2]);
});

Deno.test("a queue that is expected to be served before a load were done loads nothing", () => {
  const rig = twoRouters();
  rig.instance("a").loadMs = 10_000;
  rig.arrive("a");
  rig.arrive("a");
  assertEquals(rig.orders, ["load a"]);
});

Deno.test("no model is loaded on more servers than --max-replicas", () => {
  const rig = twoRouters({ maxReplicas: 1 });
  for (let i = 0; i < 5; i++) rig.arrive("a");
  assertEquals(rig.orders, ["load a"]);
});

Deno.test("one more copy of a model displaces only what nobody has used within --idle-unload, or five minutes", () => {
  for (const [idleUnload, kept] of [[0, 300_000], [600_000, 600_000]] as const) {
    const rig = twoRouters({ vramBudgetMb: 10, idleUnload });
    rig.list("b", { state: "loaded" }, "s2");
    rig.poll("s2");
    const since = rig.now;
    rig.arrive("a");
    for (let i = 0; i < 5; i++) rig.arrive("a", 1, { ...ANYBODY, maxWait: 0 });
    rig.pass(kept - 10 - (rig.now - since));
    assertEquals(rig.orders, ["load a"]);
    rig.pass(10);
    assertEquals(rig.orders, ["load a", "unload b@s2"]);
  }
});
