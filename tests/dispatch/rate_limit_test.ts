import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { estimateTokens, RateLimit } from "../../src/dispatch/rate_limit.ts";

const of = (requestsPerMinute: number, tokensPerMinute: number) =>
  new RateLimit(() => ({ requestsPerMinute, tokensPerMinute }), 0);

Deno.test("exactly a minute's worth of requests goes at once, then one each time that another is there", () => {
  const limit = of(60, 0);
  for (let i = 0; i < 60; i++) assert(limit.admit(10, 0).admitted);
  const refused = { admitted: false, exceeded: "requests", limit: 60, retryAfterSeconds: 1 } as const;
  assertEquals(limit.admit(10, 0), refused);
  assertEquals(limit.admit(10, 999), refused);
  assert(limit.admit(10, 1_000).admitted);
  assertEquals(limit.admit(10, 1_000), refused);
});

Deno.test("tokens count with their estimate, and with what was used once it is known", () => {
  const limit = of(0, 1_000);
  assert(limit.admit(600, 0).admitted);
  assertEquals(limit.admit(600, 0), { admitted: false, exceeded: "tokens", limit: 1_000, retryAfterSeconds: 12 });
  limit.correct(600, 100, 0);
  assert(limit.admit(600, 0).admitted);
  limit.correct(600, 1_900, 0);
  assertEquals(limit.admit(1, 0), { admitted: false, exceeded: "tokens", limit: 1_000, retryAfterSeconds: 61 });
  limit.correct(1, 0, 3_600_000);
  assertEquals(new Map(limit.headers(3_600_000)).get("x-ratelimit-remaining-tokens"), "1000");
});

Deno.test("a request that asks for more than a minute has goes when a whole minute is there", () => {
  const limit = of(0, 1_000);
  assert(limit.admit(2_500, 0).admitted);
  assertEquals(limit.admit(1, 0), { admitted: false, exceeded: "tokens", limit: 1_000, retryAfterSeconds: 91 });
  assert(!limit.admit(2_500, 149_000).admitted);
  assert(limit.admit(2_500, 150_000).admitted);
});

Deno.test("what is refused is not counted", () => {
  const limit = of(2, 100);
  assert(limit.admit(100, 0).admitted);
  for (let i = 0; i < 10; i++) assert(!limit.admit(1, 0).admitted);
  assertEquals(new Map(limit.headers(0)).get("x-ratelimit-remaining-requests"), "1");
});

Deno.test("an answer counts as its max_tokens, at most 256", () => {
  assertEquals([estimateTokens(10, 5), estimateTokens(10, 5_000), estimateTokens(10, undefined)], [15, 266, 266]);
  assertEquals([estimateTokens(10, 0), estimateTokens(10, -1)], [10, 266]);
});

Deno.test("the headers are OpenAI's, only for what is limited", () => {
  const limit = of(60, 150_000);
  limit.admit(16, 0);
  assertEquals(Object.fromEntries(limit.headers(0)), {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-limit-tokens": "150000",
    "x-ratelimit-remaining-tokens": "149984",
    "x-ratelimit-reset-tokens": "7ms",
  });
  assertEquals(of(0, 0).headers(0), []);
  assertEquals(of(5, 0).headers(0).map(([name]) => name), [
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
  ]);
});

Deno.test("the time until a reset is written as Go writes it", () => {
  // A token takes a millisecond to come back.
  const reset = (ms: number) => {
    const limit = of(0, 60_000);
    limit.correct(0, ms, 0);
    return new Map(limit.headers(0)).get("x-ratelimit-reset-tokens");
  };
  const cases = { 0: "0s", 1: "1ms", 999: "999ms", 1_000: "1s", 1_500: "1.5s", 59_020: "59.02s", 60_000: "1m0s" };
  for (const [ms, written] of Object.entries(cases)) assertEquals(reset(Number(ms)), written);
  assertEquals([reset(360_000), reset(90_250), reset(3_600_000)], ["6m0s", "1m30.25s", "1h0m0s"]);
});

Deno.test("another limit holds at once, and what was used stays used", () => {
  const limits = { requestsPerMinute: 10, tokensPerMinute: 0 };
  const limit = new RateLimit(() => limits, 0);
  for (let i = 0; i < 8; i++) limit.admit(1, 0);
  const remaining = () => new Map(limit.headers(0)).get("x-ratelimit-remaining-requests");
  limits.requestsPerMinute = 20;
  assertEquals(remaining(), "12");
  limits.requestsPerMinute = 5;
  assertEquals(remaining(), "0");
  limits.requestsPerMinute = 0;
  for (let i = 0; i < 100; i++) assert(limit.admit(1, 0).admitted);
  limits.requestsPerMinute = 5;
  assert(limit.admit(1, 60_000).admitted);
});

Deno.test("over any time no more goes than a minute's worth and what came in that time; Retry-After is enough", () => {
  const step = fc.record({ pause: fc.nat({ max: 5_000 }), estimate: fc.integer({ min: 1, max: 400 }) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.array(step, { maxLength: 200 }), (perMinute, steps) => {
      const limit = of(perMinute, 1_000);
      let [now, requests, tokens] = [0, 0, 0];
      for (const { pause, estimate } of steps) {
        now += pause;
        const admission = limit.admit(estimate, now);
        if (admission.admitted) {
          requests++;
          tokens += estimate;
        } else {
          now += 1_000 * admission.retryAfterSeconds;
          if (limit.admit(estimate, now).admitted) {
            requests++;
            tokens += estimate;
          } else throw new Error(`not let in after ${admission.retryAfterSeconds} s`);
        }
        assert(requests <= perMinute * (1 + now / 60_000) + 1e-3);
        assert(tokens <= 1_000 * (1 + now / 60_000) + 1e-3);
      }
    }),
  );
});
