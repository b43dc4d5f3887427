import { assert, assertEquals } from "@std/assert";
import { ModeldError } from "../../src/base/errors.ts";
import { ANYBODY } from "./dispatcher_rig.ts";
import { MachineRig, standing, unreachable } from "./machine_rig.ts";

const LOADED = { m: { state: "loaded" } } as const;
const TWO = { servers: ["s1", "s2"], maxInflight: 2 };

Deno.test("one queue feeds the slots of all servers that have the model", () => {
  const rig = new MachineRig(LOADED, TWO);
  const requests = Array.from({ length: 5 }, () => rig.arrive("m"));
  assertEquals(standing(...requests), ["running", "running", "running", "running", "waiting"]);
  assertEquals([rig.instance("m", "s1").leased, rig.instance("m", "s2").leased], [2, 2]);
});

Deno.test("servers have the same model where they list the same id or alias", () => {
  const rig = new MachineRig({}, TWO);
  rig.list("qwen3", { state: "loaded", aliases: ["gpt"] }, "s1");
  rig.list("gpt", { state: "loaded" }, "s2");
  rig.poll("s1");
  rig.poll("s2");
  const requests = Array.from({ length: 4 }, () => rig.arrive("qwen3"));
  assertEquals(standing(...requests), ["running", "running", "running", "running"]);
  assertEquals([...rig.state.models.keys()], ["qwen3"]);
});

Deno.test("a request goes to the server with the most free slots", () => {
  const rig = new MachineRig(LOADED, TWO);
  const requests = [rig.arrive("m"), rig.arrive("m")];
  assertEquals(new Set(requests.map(({ instance }) => instance?.server.id)).size, 2);
});

Deno.test("a request that its server proves not to have begun is tried on another one at once", () => {
  const rig = new MachineRig(LOADED, TWO);
  const request = rig.arrive("m");
  const first = request.instance?.server.id;
  rig.notBegun(request, new ModeldError("unreachable", "the connect deadline passed"));
  assertEquals([standing(request), request.instance?.server.id !== first], [["running"], true]);
});

Deno.test("a request that no server begins ends as unreachable, each server tried once", () => {
  const rig = new MachineRig(LOADED, TWO);
  const request = rig.arrive("m");
  rig.notBegun(request, unreachable());
  assertEquals(standing(request), ["running"]);
  rig.notBegun(request, unreachable());
  assertEquals(standing(request), ["unreachable"]);
});

/** What llama-server answers where it was started without `--embeddings`. */
function notSupported(): ModeldError {
  const reply = { status: 501, contentType: "application/json", body: "{}" };
  return new ModeldError("upstream_refused", "llama-server has no POST /v1/embeddings", { reply });
}

Deno.test("a request for an endpoint that its server lacks goes to one that has it, and never back", () => {
  const rig = new MachineRig(LOADED, { servers: ["s1", "s2"], maxInflight: 1 });
  const [first, second] = [rig.arrive("m"), rig.arrive("m")];
  const server = first.instance?.server.id;
  rig.notBegun(first, notSupported());
  assertEquals(standing(first, second), ["waiting", "running"]);
  rig.pass(10_000);
  assertEquals(standing(first), ["waiting"]);
  rig.finish(second);
  assertEquals([standing(first), first.instance?.server.id !== server], [["running"], true]);
});

Deno.test("a request for an endpoint that no server has ends with what llama-server said, each asked once", () => {
  const rig = new MachineRig(LOADED, TWO);
  const request = rig.arrive("m");
  rig.notBegun(request, notSupported());
  assertEquals(standing(request), ["running"]);
  rig.notBegun(request, notSupported());
  assertEquals([standing(request), request.refusal?.reply?.status], [["upstream_refused"], 501]);
});

Deno.test("a server that did not begin a request is tried again with it only after a second", () => {
  const rig = new MachineRig(LOADED, { servers: ["s1", "s2"], maxInflight: 1 });
  const [first, second] = [rig.arrive("m"), rig.arrive("m")];
  const server = first.instance?.server.id;
  rig.notBegun(first, new ModeldError("unreachable", "the connect deadline passed"));
  assertEquals(standing(first, second), ["waiting", "running"]);
  rig.pass(999);
  assertEquals(standing(first), ["waiting"]);
  rig.pass(1);
  assertEquals([standing(first), first.instance?.server.id], [["running"], server]);
});

Deno.test("what runs on a server that is lost ends at once; queued requests and the other server go on", () => {
  const rig = new MachineRig(LOADED, { servers: ["s1", "s2"], maxInflight: 1 });
  const [first, second, third] = [rig.arrive("m"), rig.arrive("m"), rig.arrive("m")];
  for (const request of [first, second]) rig.step({ is: "accepted", request });
  rig.lose("s1");
  const onLost = [first, second].filter(({ instance }) => instance?.server.id === "s1");
  assertEquals(rig.aborted, onLost);
  assertEquals(standing(third), ["waiting"]);
});

Deno.test("with every server lost, queued and new requests are unreachable at once", () => {
  const rig = new MachineRig(LOADED, { servers: ["s1", "s2"], maxInflight: 1 });
  const requests = [rig.arrive("m"), rig.arrive("m"), rig.arrive("m")];
  rig.lose("s1");
  rig.lose("s2");
  const late = rig.arrive("m");
  assertEquals(standing(requests[2] ?? late, late), ["unreachable", "unreachable"]);
  assertEquals(late.refusal?.retryAfterSeconds, 1);
});

Deno.test("a server that is back is used gently: one request until it has accepted it", () => {
  const rig = new MachineRig(LOADED, { maxInflight: 4 });
  rig.lose();
  rig.poll();
  const requests = [rig.arrive("m"), rig.arrive("m"), rig.arrive("m")];
  assertEquals(standing(...requests), ["running", "waiting", "waiting"]);
  rig.step({ is: "accepted", request: requests[0] ?? rig.arrive("m") });
  assertEquals(standing(...requests), ["running", "running", "running"]);
});

Deno.test("a server that is removed gets nothing new, and is forgotten when what runs there has ended", () => {
  const rig = new MachineRig(LOADED, { servers: ["s1", "s2"], maxInflight: 1 });
  const [first, second] = [rig.arrive("m"), rig.arrive("m")];
  const waiting = rig.arrive("m");
  rig.step({ is: "remove_server", server: "s2" });
  const onRemoved = first.instance?.server.id === "s2" ? first : second;
  rig.finish(onRemoved);
  assertEquals([[...rig.state.servers.keys()], standing(waiting)], [["s1"], ["waiting"]]);
  rig.finish(onRemoved === first ? second : first);
  assertEquals(standing(waiting), ["running"]);
});

Deno.test("a name that no server has waits while a server has not said what it has", () => {
  const rig = new MachineRig(LOADED, { servers: ["s1", "s2"], seen: false });
  rig.poll("s1");
  const request = rig.arrive("n");
  assertEquals(standing(request), ["waiting"]);
  rig.list("n", { state: "loaded" }, "s2");
  rig.poll("s2");
  assertEquals(standing(request), ["running"]);
});

Deno.test("a request that can use several slots takes those that are free and gets more as they come free", () => {
  const rig = new MachineRig(LOADED, { maxInflight: 4 });
  const singles = [rig.arrive("m"), rig.arrive("m"), rig.arrive("m")];
  const wide = rig.arrive("m", 3);
  const behind = rig.arrive("m");
  assertEquals([standing(wide, behind), wide.leased], [["running", "waiting"], 1]);
  for (const single of singles.slice(0, 2)) rig.finish(single);
  assertEquals([wide.leased, standing(behind)], [3, ["waiting"]]);
  rig.finish(singles[2] ?? wide);
  assertEquals(standing(behind), ["running"]);
  rig.finish(wide);
  rig.finish(behind);
  assertEquals(rig.instance("m").leased, 0);
});

Deno.test("a request with more tasks than there are slots takes them all and blocks nobody for ever", () => {
  const rig = new MachineRig(LOADED, { maxInflight: 2 });
  const huge = rig.arrive("m", 1_000);
  const single = rig.arrive("m");
  assertEquals([huge.leased, standing(single)], [2, ["waiting"]]);
  rig.finish(huge);
  assertEquals(standing(single), ["running"]);
});

Deno.test("where a client may run only so many, its models take turns: none waits while later requests for another one go", () => {
  const rig = new MachineRig({ a: { state: "loaded" }, b: { state: "loaded" } }, { maxInflight: 4 });
  const client = { ...ANYBODY, name: "one at a time", maxInflight: 1 };
  const running = rig.arrive("a", 1, client);
  const [first, second] = [rig.arrive("b", 1, client), rig.arrive("a", 1, client)];
  rig.finish(running);
  assertEquals(standing(first, second), ["running", "waiting"]);
});

Deno.test("a server that is removed is released only when nothing runs there, not even a call without slots", () => {
  const rig = new MachineRig(LOADED, { servers: ["s1"], maxInflight: 1 });
  const [holder, call] = [rig.arrive("m"), rig.arrive("m", 0)];
  rig.step({ is: "remove_server", server: "s1" });
  rig.finish(holder);
  assertEquals(rig.released, []);
  rig.finish(call);
  assertEquals([rig.released, [...rig.state.servers.keys()]], [["s1"], []]);
});

Deno.test("a server that comes back while it is being removed stays, with what runs there", () => {
  const rig = new MachineRig(LOADED, { servers: ["s1"], maxInflight: 1 });
  const running = rig.arrive("m");
  const server = rig.state.servers.get("s1");
  rig.step({ is: "remove_server", server: "s1" });
  if (server !== undefined) rig.step({ is: "add_server", server });
  const next = rig.arrive("m");
  assertEquals(standing(running, next), ["running", "waiting"]);
  rig.finish(running);
  assertEquals([standing(next), rig.released], [["running"], []]);
});

Deno.test("a model that only a removed server had is not found, and its queued requests are told so", () => {
  const rig = new MachineRig(LOADED, { servers: ["s1"], maxInflight: 1 });
  rig.list("n", { state: "loaded" }, "s1");
  rig.poll("s1");
  const running = rig.arrive("n");
  const waiting = rig.arrive("n");
  rig.add("s2", LOADED);
  rig.poll("s2");
  rig.step({ is: "remove_server", server: "s1" });
  assertEquals(standing(running, waiting, rig.arrive("n")), ["running", "model_not_found", "model_not_found"]);
});

Deno.test("where another server takes the place of the only one, queued requests wait for what it has", () => {
  const rig = new MachineRig(LOADED, { servers: ["s1"], maxInflight: 1 });
  const [running, waiting] = [rig.arrive("m"), rig.arrive("m")];
  rig.add("s2", LOADED);
  rig.step({ is: "remove_server", server: "s1" });
  const late = rig.arrive("m");
  assertEquals(standing(running, waiting, late), ["running", "waiting", "waiting"]);
  rig.poll("s2");
  assertEquals([waiting.instance?.server.id, ...standing(running, waiting, late)], [
    "s2",
    "running",
    "running",
    "waiting",
  ]);
  rig.finish(waiting);
  rig.finish(running);
  assertEquals([standing(late), rig.released], [["running"], ["s1"]]);
});

Deno.test("a request that could not begin on a server that was replaced waits for what the new one has", () => {
  const rig = new MachineRig(LOADED, { servers: ["s1"], maxInflight: 1 });
  const request = rig.arrive("m");
  rig.add("s2", LOADED);
  rig.step({ is: "remove_server", server: "s1" });
  rig.notBegun(request, unreachable());
  assertEquals([standing(request), rig.released], [["waiting"], ["s1"]]);
  rig.poll("s2");
  assertEquals([standing(request), request.instance?.server.id], [["running"], "s2"]);
});

Deno.test("without any server requests are told why there is none", () => {
  const rig = new MachineRig(LOADED, { servers: ["s1"] });
  rig.step({ is: "explain_absence", error: new ModeldError("unreachable", "no address is known") });
  rig.step({ is: "remove_server", server: "s1" });
  const request = rig.arrive("m");
  assertEquals([standing(request), request.refusal?.message], [["unreachable"], "no address is known"]);
});

Deno.test("where a server refuses connections, a request that was only just started is left to find out and goes elsewhere", () => {
  const rig = new MachineRig(LOADED, { servers: ["s1", "s2"], maxInflight: 2 });
  const requests = Array.from({ length: 4 }, () => rig.arrive("m"));
  const [first, second] = requests.filter(({ instance }) => instance?.server.id === "s1");
  assert(first !== undefined && second !== undefined);
  rig.notBegun(first, unreachable());
  assertEquals([rig.aborted, standing(second)], [[], ["running"]]);
  rig.notBegun(second, unreachable());
  assertEquals(standing(first, second), ["waiting", "waiting"]);
});

Deno.test("where a server refuses connections, what it has accepted or was given a second ago ends at once", () => {
  const rig = new MachineRig(LOADED, { servers: ["s1"], maxInflight: 2 });
  const [accepted, old] = [rig.arrive("m"), rig.arrive("m")];
  rig.step({ is: "accepted", request: accepted });
  rig.lose();
  assertEquals(rig.aborted, [accepted]);
  rig.now += 1_000;
  rig.lose();
  assertEquals(rig.aborted, [accepted, accepted, old]);
});
