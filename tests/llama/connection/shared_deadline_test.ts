import { assert, assertEquals } from "@std/assert";
import { SharedDeadline } from "../../../src/llama/connection/deadlines.ts";
import { FakeClock } from "../../support/fake_clock.ts";

Deno.test("requests that begin together share a signal, those that begin later do not", () => {
  const clock = new FakeClock();
  const deadline = new SharedDeadline(clock);
  const first = deadline.start(64_000);
  clock.advance(999);
  assert(deadline.start(64_000) === first);
  clock.advance(1);
  assert(deadline.start(64_000) !== first);
});

Deno.test("at any request rate, no more signals are made than one in a 64th of the deadline", () => {
  const clock = new FakeClock();
  const deadline = new SharedDeadline(clock);
  const signals = new Set<AbortSignal>();
  for (let ms = 0; ms < 64_000; ms++) {
    signals.add(deadline.start(64_000));
    clock.advance(1);
  }
  assertEquals(signals.size, 64);
});

Deno.test("requests share no signal with those that have another deadline", () => {
  const deadline = new SharedDeadline(new FakeClock());
  const first = deadline.start(64_000);
  const other = deadline.start(32_000);
  assert(other !== first && deadline.start(32_000) === other);
});

Deno.test("a deadline does not pass early, and passes", async () => {
  const deadline = new SharedDeadline({
    now: () => performance.now(),
    wallTime: Date.now,
    after: () => ({ clear() {} }),
  });
  const begun = performance.now();
  const signal = deadline.start(64);
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  assert(performance.now() - begun >= 64);
});

Deno.test("a deadline longer than a timer can be does not pass at once", async () => {
  const signal = new SharedDeadline(new FakeClock()).start(Number.MAX_SAFE_INTEGER);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert(!signal.aborted);
});
