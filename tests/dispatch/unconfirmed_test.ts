import { assertEquals } from "@std/assert";
import { nextDeadline } from "../../src/dispatch/machine.ts";
import { ANYBODY } from "./dispatcher_rig.ts";
import { MachineRig, standing } from "./machine_rig.ts";

const LOADED = { m: { state: "loaded" } } as const;

/** Two slots: a whole answer was given up on one, a stream runs on the other, and one request waits. */
function givenUp() {
  const rig = new MachineRig(LOADED);
  rig.capacity("m", 2);
  const whole = rig.arrive("m", 1, ANYBODY, { isWhole: true });
  const stream = rig.arrive("m");
  const waiting = rig.arrive("m");
  rig.finish(whole, { kind: "cancelled" });
  return { rig, stream, waiting };
}

Deno.test("the slot of a whole answer that was given up is leased again once the server shows that it is idle", () => {
  const { rig, waiting } = givenUp();
  assertEquals([...standing(waiting), rig.instance("m").unconfirmed], ["waiting", 1]);
  rig.busy("m", 2);
  assertEquals(standing(waiting), ["waiting"]);
  rig.busy("m", 1);
  assertEquals([...standing(waiting), rig.instance("m").unconfirmed], ["running", 0]);
});

Deno.test("an answer that may count a lease that has ended since proves nothing", () => {
  const { rig, stream, waiting } = givenUp();
  rig.finish(stream);
  assertEquals(standing(waiting), ["running"]); // on the slot of the stream
  const more = rig.arrive("m");
  rig.finish(waiting);
  assertEquals(standing(more), ["running"]);
  rig.finish(more);
  rig.busy("m", 1);
  assertEquals(rig.instance("m").unconfirmed, 1);
  rig.busy("m", 0);
  assertEquals(rig.instance("m").unconfirmed, 0);
});

Deno.test("where the server does not say how many slots are busy, the slot is leased again after 10 s", () => {
  const { rig, waiting } = givenUp();
  rig.busy("m", undefined);
  assertEquals(nextDeadline(rig.state), rig.now + 10_000);
  rig.pass(9_999);
  assertEquals(standing(waiting), ["waiting"]);
  rig.pass(1);
  assertEquals(standing(waiting), ["running"]);
});

Deno.test("a stream that is given up, and a whole answer that ends by itself, leave no doubt", () => {
  const rig = new MachineRig(LOADED);
  rig.finish(rig.arrive("m"), { kind: "cancelled" });
  rig.finish(rig.arrive("m", 1, ANYBODY, { isWhole: true }));
  assertEquals([rig.instance("m").unconfirmed, nextDeadline(rig.state)], [0, Infinity]);
});

Deno.test("a server that is lost leaves no doubt behind", () => {
  const { rig } = givenUp();
  rig.lose();
  assertEquals([rig.instance("m").unconfirmed, rig.instance("m").unconfirmedUntil], [0, Infinity]);
});
