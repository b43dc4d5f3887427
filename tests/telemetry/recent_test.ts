import { assertEquals } from "@std/assert";
import { Timeline } from "../../src/base/timeline.ts";
import { Recent } from "../../src/telemetry/recent.ts";
import { FakeClock } from "../support/fake_clock.ts";

function rig() {
  const clock = new FakeClock();
  const running: Timeline[] = [];
  const recent = new Recent(clock, () => running);
  return {
    clock,
    recent,
    begin(): Timeline {
      const timeline = new Timeline("id", clock);
      timeline.model = "m";
      timeline.server = "s";
      running.push(timeline);
      recent.started();
      return timeline;
    },
    end(timeline: Timeline, result: Partial<Parameters<Recent["ended"]>[1]> = {}): void {
      running.splice(running.indexOf(timeline), 1);
      timeline.end();
      recent.ended(timeline, { outcome: "ok", status: 200, ...result });
    },
  };
}

Deno.test("tokens are counted in the step in which they came, not in that of the end", () => {
  const { clock, recent, begin, end } = rig();
  const timeline = begin();
  timeline.enter("prefill");
  timeline.received(50);
  clock.advance(10_000);
  timeline.received(30);
  end(timeline, { usage: { promptTokens: 1, completionTokens: 80, totalTokens: 81 } });
  assertEquals(recent.figures().tokens_per_second.slice(-2), [5, 3]);
});

Deno.test("the tokens of an answer in one piece count at its end", () => {
  const { recent, begin, end } = rig();
  const timeline = begin();
  timeline.received(1);
  end(timeline, { usage: { promptTokens: 1, completionTokens: 80, totalTokens: 81 } });
  assertEquals(recent.figures().tokens_per_second.at(-1), 8);
});

Deno.test("what is older than 15 minutes is forgotten, however long nobody came", () => {
  const { clock, recent, begin, end } = rig();
  end(begin(), { outcome: "rejected", status: 429 });
  end(begin(), { outcome: "upstream_error", status: 500 });
  end(begin(), { outcome: "cancelled", status: 499 });
  clock.advance(890_000);
  const old = recent.figures();
  assertEquals([old.requests[0], old.rejected[0], old.failed[0], old.requests.length], [3, 1, 1, 90]);
  clock.advance(10_000_000);
  assertEquals(recent.figures().requests.every((n) => n === 0), true);
});

Deno.test("a request that waits is seen while it waits, and no timer is left when nothing runs", () => {
  const { clock, recent, begin, end } = rig();
  const timeline = begin();
  timeline.enter("queue");
  clock.advance(25_000);
  assertEquals(recent.figures().queued.slice(-3), [1, 1, 1]);
  end(timeline);
  assertEquals(clock.pendingTimers, 0);
});

Deno.test("time to first token is a median and a 95th percentile of its step", () => {
  const { clock, recent, begin, end } = rig();
  assertEquals(recent.figures().first_token_ms_p50.at(-1), null);
  for (let i = 0; i < 20; i++) {
    const timeline = begin();
    clock.advance(i < 18 ? 15 : 150);
    timeline.received(1);
    end(timeline);
  }
  const { first_token_ms_p50: p50, first_token_ms_p95: p95 } = recent.figures();
  assertEquals([(p50.at(-1) ?? 0) > 10 && (p50.at(-1) ?? 0) <= 20, (p95.at(-1) ?? 0) > 100], [true, true]);
});

Deno.test("timings say how much of the prompts was in the cache", () => {
  const { recent, begin, end } = rig();
  end(begin(), { timings: { prompt_n: 10, cache_n: 30, predicted_per_second: 50 } });
  assertEquals(recent.model("s", "m"), { promptTokens: 40, cachedTokens: 30, tokensPerSecond: 50 });
});
