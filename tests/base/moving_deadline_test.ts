import { assertEquals } from "@std/assert";
import { MovingDeadline } from "../../src/base/deadlines.ts";
import { FakeClock } from "../support/fake_clock.ts";

const DAY = 24 * 60 * 60 * 1_000;

Deno.test("a deadline that moves away costs no timer, and one that comes nearer is met", () => {
  const clock = new FakeClock();
  const fired: number[] = [];
  const timer = new MovingDeadline(clock, () => fired.push(clock.now()));
  for (const at of [100, 200, 300]) timer.moveTo(at);
  assertEquals(clock.pendingTimers, 1);
  timer.moveTo(50);
  clock.advance(1_000);
  assertEquals([fired, clock.pendingTimers], [[50], 0]);
});

Deno.test("a deadline beyond the reach of the platform's timers does not fire at once", () => {
  const clock = new FakeClock();
  const waits: number[] = [];
  const timer = new MovingDeadline({
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    after: (ms, fire) => {
      waits.push(ms);
      return clock.after(ms, fire);
    },
  }, () => {});
  timer.moveTo(30 * DAY);
  assertEquals(waits, [2 ** 31 - 1]);
  timer.clear();
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a deadline that has moved away passes at its new time, and not before", () => {
  const clock = new FakeClock();
  const passed: number[] = [];
  const deadline = new MovingDeadline(clock, () => passed.push(clock.now()));
  deadline.moveTo(100);
  clock.advance(50);
  deadline.moveTo(150);
  clock.advance(99);
  assertEquals(passed, []);
  clock.advance(1);
  assertEquals(passed, [150]);
});

Deno.test("a deadline that was moved to never does not pass, and leaves no timer when its old time has come", () => {
  const clock = new FakeClock();
  const deadline = new MovingDeadline(clock, () => {
    throw new Error("passed");
  });
  deadline.moveTo(100);
  deadline.moveTo(Infinity);
  clock.advance(100);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("a deadline can be moved again when it passes", () => {
  const clock = new FakeClock();
  const passed: number[] = [];
  const deadline = new MovingDeadline(clock, () => {
    passed.push(clock.now());
    if (passed.length < 3) deadline.moveTo(clock.now() + 10);
  });
  deadline.moveTo(10);
  clock.advance(1_000);
  assertEquals([passed, clock.pendingTimers], [[10, 20, 30], 0]);
});
