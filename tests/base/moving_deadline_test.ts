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
