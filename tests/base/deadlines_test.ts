import { assertEquals } from "@std/assert";
import { Deadlines } from "../../src/base/deadlines.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("each deadline passes at its own time, with one timer for all", () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(100, clock);
  const passed: string[] = [];
  for (const name of ["a", "b", "c"]) {
    deadlines.set(() => passed.push(`${name} at ${clock.now()}`));
    clock.advance(10);
    assertEquals(clock.pendingTimers, 1);
  }
  clock.advance(1_000);
  assertEquals(passed, ["a at 100", "b at 110", "c at 120"]);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a deadline that was cleared never passes, and does not hold up the others", () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(100, clock);
  const passed: string[] = [];
  const a = deadlines.set(() => passed.push("a"));
  clock.advance(50);
  deadlines.set(() => passed.push(`b at ${clock.now()}`));
  a.clear();
  clock.advance(1_000);
  assertEquals(passed, ["b at 150"]);
});

Deno.test("a deadline that is set when another passes does not delay those before it", () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(100, clock);
  const passed: string[] = [];
  deadlines.set(() => deadlines.set(() => passed.push(`c at ${clock.now()}`)));
  clock.advance(10);
  deadlines.set(() => passed.push(`b at ${clock.now()}`));
  clock.advance(1_000);
  assertEquals(passed, ["b at 110", "c at 200"]);
});

Deno.test("deadlines of 0 ms never pass and need no timer", () => {
  const clock = new FakeClock();
  new Deadlines(0, clock).set(() => {
    throw new Error("passed");
  }).clear();
  assertEquals(clock.pendingTimers, 0);
  clock.advance(1_000_000);
});

Deno.test("closing forgets every deadline and releases the timer", () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(100, clock);
  deadlines.set(() => {
    throw new Error("passed");
  });
  deadlines.close();
  assertEquals(clock.pendingTimers, 0);
  clock.advance(1_000);
});
