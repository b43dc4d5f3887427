import { assertEquals } from "@std/assert";
import { SilenceWatch } from "../../../src/llama/stream/silence_watch.ts";
import { FakeClock } from "../../support/fake_clock.ts";

function watched(limits: { firstToken: number; idle: number }) {
  const clock = new FakeClock();
  const passed: string[] = [];
  return { clock, passed, watch: new SilenceWatch(limits, clock, (error) => passed.push(error.kind)) };
}

Deno.test("a silence before the first token passes the first-token deadline", () => {
  const { clock, passed, watch } = watched({ firstToken: 100, idle: 10 });
  watch.wait();
  clock.advance(99);
  assertEquals(passed, []);
  clock.advance(1);
  assertEquals(passed, ["first_token_timeout"]);
});

Deno.test("a silence after a token passes the idle deadline", () => {
  const { clock, passed, watch } = watched({ firstToken: 100, idle: 10 });
  watch.wait();
  clock.advance(50);
  watch.firstTokenArrived();
  watch.wait();
  clock.advance(9);
  assertEquals(passed, []);
  clock.advance(1);
  assertEquals(passed, ["idle_timeout"]);
});

Deno.test("a sign of life starts the silence anew", () => {
  const { clock, passed, watch } = watched({ firstToken: 100, idle: 0 });
  for (let i = 0; i < 10; i++) {
    watch.wait();
    clock.advance(99);
  }
  assertEquals(passed, []);
  clock.advance(1);
  assertEquals(passed, ["first_token_timeout"]);
});

Deno.test("time in which nobody waits does not count", () => {
  const { clock, passed, watch } = watched({ firstToken: 0, idle: 10 });
  watch.firstTokenArrived();
  watch.wait();
  clock.advance(5);
  watch.pause();
  clock.advance(1000);
  watch.wait();
  clock.advance(9);
  assertEquals(passed, []);
  clock.advance(1);
  assertEquals(passed, ["idle_timeout"]);
});

Deno.test("a deadline of 0 never passes and sets no timer", () => {
  const { clock, passed, watch } = watched({ firstToken: 0, idle: 0 });
  watch.wait();
  watch.pause();
  watch.wait();
  assertEquals(clock.pendingTimers, 0);
  clock.advance(1e9);
  assertEquals(passed, []);
});

Deno.test("a thousand tokens within the idle deadline set one timer", () => {
  const { clock, watch } = watched({ firstToken: 0, idle: 10_000 });
  watch.firstTokenArrived();
  for (let i = 0; i < 1000; i++) {
    watch.wait();
    assertEquals(clock.pendingTimers, 1);
    watch.pause();
  }
});

Deno.test("a watch that was released has no timer and passes no more", () => {
  const { clock, passed, watch } = watched({ firstToken: 100, idle: 0 });
  watch.wait();
  watch.release();
  assertEquals(clock.pendingTimers, 0);
  clock.advance(1000);
  assertEquals(passed, []);
});
