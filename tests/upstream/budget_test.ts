import { assertEquals } from "@std/assert";
import { ModeldError } from "../../src/base/errors.ts";
import { MachineRig, standing } from "../dispatch/machine_rig.ts";

Deno.test("the least recently used idle model makes room, by the end of its last request", () => {
  const rig = new MachineRig({ a: { sizeMb: 4 }, b: { sizeMb: 4 }, c: { sizeMb: 4 } }, { vramBudgetMb: 10 });
  const long = rig.arrive("a");
  rig.obey("loaded");
  rig.serve("b");
  rig.now++;
  rig.finish(long);
  rig.arrive("c");
  assertEquals(rig.orders.at(-1), "unload b");
  rig.obey("unloaded");
  assertEquals(rig.orders.at(-1), "load c");
  assertEquals(rig.emitted.filter(({ event }) => event === "evict"), [{ event: "evict", model: "b", for_model: "c" }]);
  assertEquals(rig.state.servers.get("s1")?.evictions, 1);
});

Deno.test("the margin is kept free", () => {
  const rig = new MachineRig({ a: { sizeMb: 4 }, b: { sizeMb: 4 } }, { vramBudgetMb: 10, vramMarginMb: 3 });
  rig.serve("a");
  rig.arrive("b");
  assertEquals(rig.orders, ["load a", "unload a"]);
});

Deno.test("a model that can never fit is refused at once with its numbers", () => {
  const rig = new MachineRig({ a: { sizeMb: 9 } }, { vramBudgetMb: 10, vramMarginMb: 2 });
  const request = rig.arrive("a");
  assertEquals(standing(request), ["insufficient_vram"]);
  assertEquals(
    request.refusal?.message,
    "no room for model a: it needs an estimated 9 MB and 2 MB are kept free, but the budget is 10 MB; " +
      "raise --vram-budget-mb",
  );
});

Deno.test("a model waits for room that a load in progress may give, and is loaded after that has served", () => {
  const rig = new MachineRig({ a: { sizeMb: 6 }, b: { sizeMb: 6 } }, { vramBudgetMb: 10 });
  const [first, second] = [rig.arrive("a"), rig.arrive("b")];
  assertEquals([standing(first, second), rig.orders], [["waiting", "waiting"], ["load a"]]);
  rig.obey("loaded");
  assertEquals(rig.orders, ["load a"], "it has not served its first request");
  rig.finish(first);
  rig.obey("unloaded");
  rig.obey("loaded");
  assertEquals([standing(second), rig.orders], [["running"], ["load a", "unload a", "load b"]]);
});

Deno.test("loads come in the order of the requests for them: a small one does not overtake", () => {
  const rig = new MachineRig({ a: { sizeMb: 6 }, big: { sizeMb: 8 }, small: { sizeMb: 2 } }, { vramBudgetMb: 10 });
  const first = rig.arrive("a");
  rig.arrive("big");
  rig.arrive("small");
  rig.obey("loaded");
  rig.finish(first);
  assertEquals(rig.orders, ["load a", "unload a"]);
  rig.obey("unloaded");
  assertEquals(rig.orders, ["load a", "unload a", "load big", "load small"]);
});

Deno.test("no more models are taken than the room needs, and none while enough is on its way out", () => {
  const sizes = { a: { sizeMb: 3 }, b: { sizeMb: 3 }, c: { sizeMb: 3 }, d: { sizeMb: 4 } };
  const rig = new MachineRig(sizes, { vramBudgetMb: 10 });
  for (const id of ["a", "b", "c"]) rig.serve(id);
  rig.arrive("d");
  rig.poll();
  assertEquals(rig.orders.slice(3), ["unload a"]);
});

Deno.test("the router's max_instances is a second budget, so that it never evicts on its own", () => {
  const rig = new MachineRig({ a: {}, b: {}, c: {} }, { maxInstances: 2 });
  rig.serve("a");
  rig.serve("b");
  const busy = rig.arrive("a");
  rig.arrive("c");
  assertEquals(rig.orders.slice(2), ["unload b"]);
  rig.obey("unloaded");
  rig.obey("loaded");
  const refused = rig.arrive("b");
  assertEquals(standing(busy, refused), ["running", "waiting"], "c has yet to serve");
});

Deno.test("a model of unknown size counts as 1 MB, with one warning when a budget is set", () => {
  const rig = new MachineRig({ a: {} }, { vramBudgetMb: 10 });
  rig.serve("a");
  rig.become("a", "unloaded");
  rig.serve("a");
  assertEquals([rig.instance("a").estimate, rig.warnings.length], [{ mb: 1, source: "unknown" }, 1]);
});

Deno.test("a model that is loaded again has yet to serve again: whoever needs its room waits", () => {
  const rig = new MachineRig({ a: { sizeMb: 6 }, b: { sizeMb: 6 } }, { vramBudgetMb: 10 });
  rig.serve("a");
  rig.become("a", "unloaded");
  rig.arrive("a");
  rig.obey("loaded");
  assertEquals(standing(rig.arrive("b")), ["waiting"]);
});

Deno.test("whoever waits for the room of a load that the server refuses is loaded next, not refused", () => {
  const rig = new MachineRig({ a: { sizeMb: 6 }, b: { sizeMb: 6 } }, { vramBudgetMb: 10 });
  const [first, second] = [rig.arrive("a"), rig.arrive("b")];
  rig.now++;
  rig.server({ is: "refused", model: "a", error: new ModeldError("upstream_error", "no such file") });
  assertEquals(standing(first, second), ["load_failed", "waiting"]);
  rig.poll();
  assertEquals(rig.orders, ["load a", "load b"]);
});
