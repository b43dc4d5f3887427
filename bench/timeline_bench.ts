// What telemetry costs on the way of a token: `deno bench --no-lock bench/timeline_bench.ts`
import { systemClock } from "../src/base/clock.ts";
import { Timeline } from "../src/base/timeline.ts";

const TOKENS = 1_000;

function streaming(clock: { now(): number; wallTime(): number }): Timeline {
  const timeline = new Timeline("bench", { ...systemClock, ...clock });
  timeline.enter("prefill");
  return timeline;
}

Deno.bench(`${TOKENS} readings of the clock, for comparison`, () => {
  for (let i = 0; i < TOKENS; i++) systemClock.now();
});

const real = streaming(systemClock);
Deno.bench(`${TOKENS} tokens`, () => {
  for (let i = 0; i < TOKENS; i++) {
    real.waiting();
    real.received(1);
  }
});

let ticks = 0;
const free = streaming({ now: () => ticks += 20, wallTime: () => 0 });
Deno.bench(`${TOKENS} tokens, with a clock that costs nothing`, () => {
  for (let i = 0; i < TOKENS; i++) {
    free.waiting();
    free.received(1);
  }
});
