import { assertEquals } from "@std/assert";
import { Timeline } from "../../src/base/timeline.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A request that waits 100 ms for a slot and 1,000 ms for a load, and whose first token takes 300 ms more. */
function streaming(): { clock: FakeClock; timeline: Timeline } {
  const clock = new FakeClock();
  const timeline = new Timeline("r1", clock);
  clock.advance(7);
  timeline.bodyRead();
  clock.advance(2);
  timeline.enter("queue");
  clock.advance(100);
  timeline.enter("load");
  clock.advance(1_000);
  timeline.enter("prefill");
  clock.advance(300);
  timeline.received(1);
  return { clock, timeline };
}

Deno.test("each stage's time is its own, and a stage entered twice adds up", () => {
  const { clock, timeline } = streaming();
  clock.advance(50);
  timeline.end();
  assertEquals(timeline.spans.map(({ stage }) => stage), ["queue", "load", "prefill", "stream"]);
  assertEquals([timeline.spent("queue"), timeline.spent("load"), timeline.spent("prefill")], [100, 1_000, 300]);
  assertEquals(timeline.spent("stream"), 50);

  const again = new Timeline("r2", clock);
  for (const stage of ["queue", "load", "queue"] as const) {
    again.enter(stage);
    clock.advance(10);
  }
  again.end();
  assertEquals(again.spent("queue"), 20);
  assertEquals(again.spent("load"), 10);
});

Deno.test("the time to the first token counts from arrival", () => {
  const { timeline } = streaming();
  assertEquals(timeline.timeToFirstToken, 7 + 2 + 100 + 1_000 + 300);
});

Deno.test("overhead is what is left of a request's time after the client's body and all waits for llama-server", () => {
  const { clock, timeline } = streaming();
  clock.advance(3);
  timeline.waiting();
  clock.advance(20);
  timeline.received(1);
  clock.advance(4);
  timeline.waiting();
  clock.advance(30);
  timeline.received(0);
  clock.advance(1);
  timeline.end();
  assertEquals(timeline.overhead, 2 + 3 + 4 + 1);
});

Deno.test("a wait that an error or a leaving client ends is no overhead", () => {
  const { clock, timeline } = streaming();
  timeline.waiting();
  clock.advance(500);
  timeline.end();
  assertEquals(timeline.overhead, 2);
});

Deno.test("fragments that arrive together are no time apart, the rest as far as the clock says", () => {
  const { clock, timeline } = streaming();
  clock.advance(15);
  timeline.received(3);
  assertEquals(timeline.fragments, 4);
  assertEquals(timeline.gaps.sum, 15);
  assertEquals([...timeline.gaps.counts.slice(0, 5)], [2, 0, 0, 0, 1]);
});

Deno.test("what is fixed at the end stays, whatever is called later", () => {
  const { clock, timeline } = streaming();
  timeline.end();
  const { total, overhead } = timeline;
  clock.advance(1_000);
  timeline.end();
  assertEquals([timeline.total, timeline.overhead], [total, overhead]);
});

Deno.test("a request refused before it reaches the manager is still in its queue stage, with no time spent there", () => {
  const clock = new FakeClock();
  const timeline = new Timeline("r1", clock);
  clock.advance(9);
  timeline.end();
  assertEquals(timeline.stage, "queue");
  assertEquals(timeline.spent("queue"), 0);
  assertEquals(timeline.total, 9);
});
