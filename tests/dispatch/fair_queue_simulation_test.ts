import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { fair, firstComeFirstServed, type Load, longestWait, type Order, simulate, used } from "./slot_simulation.ts";

/** The longest service time of a random load, in ms; some are longer than the ageing period, some shorter. */
const longest = fc.constantFrom(100, 2_000, 15_000, 60_000);
const slots = fc.integer({ min: 1, max: 8 });
const weight = fc.constantFrom(0.5, 1, 2, 3, 4, 10);

/** Random sizes up to the longest, of which there are some: short ones, long ones, or any. */
const sizes = fc.tuple(fc.constantFrom("short", "long", "any"), fc.integer({ min: 1 })).map(([kind, seed]) => {
  const random = randomFrom(seed);
  return (longest: number) => () => {
    const part = kind === "short" ? 0.05 + 0.1 * random() : kind === "long" ? 1 : random();
    return Math.max(1, Math.round(part * longest));
  };
});

/** A small generator of numbers from 0 to 1 (mulberry32), so that a failing case can be played again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Within 5 % of all slot time. */
function assertShare(got: number, due: number): void {
  assert(Math.abs(got - due) <= 0.05, `got ${got} of the slot time, not ${due}`);
}

Deno.test("two clients that always wait get slot time within 5 % of their weights over any 100 service times", () => {
  fc.assert(
    fc.property(slots, longest, weight, weight, sizes, sizes, (slots, longest, one, other, sizeOne, sizeOther) => {
      const window = 100 * longest;
      const until = 3 * window;
      const atOnce = slots + 20;
      const runs = simulate(fair(), slots, [
        { name: "one", weight: one, atOnce, service: sizeOne(longest) },
        { name: "other", weight: other, atOnce, service: sizeOther(longest) },
      ], until + longest);
      for (let from = 0; from + window <= until; from += window / 2) {
        const [a, b] = [used(runs, from, from + window, "one"), used(runs, from, from + window, "other")];
        assertShare(a / (a + b), one / (one + other));
      }
    }),
    { numRuns: 25 },
  );
});

Deno.test("a third client of any class that comes and goes changes nothing about the shares of two that always wait", () => {
  const third = fc.constantFrom("interactive" as const, "default" as const, "batch" as const);
  const pair = fc.constantFrom("default" as const, "batch" as const);
  fc.assert(
    fc.property(
      slots,
      longest,
      weight,
      sizes,
      sizes,
      sizes,
      pair,
      third,
      (n, longest, one, a, b, c, pair, priority) => {
        const window = 100 * longest;
        const until = 3 * window;
        const runs = simulate(fair(), n, [
          { name: "one", weight: one, priority: pair, atOnce: n + 20, service: a(longest) },
          { name: "other", priority: pair, atOnce: n + 20, service: b(longest) },
          { name: "third", priority, atOnce: 1, service: c(longest), think: () => longest / 3 },
        ], until + longest);
        for (let from = 0; from + window <= until; from += window) {
          const [a, b] = [used(runs, from, from + window, "one"), used(runs, from, from + window, "other")];
          assertShare(a / (a + b), one / (one + 1));
        }
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("a client with one request at a time waits at most one service time beside 500 of its class", () => {
  const priority = fc.constantFrom("interactive" as const, "default" as const, "batch" as const);
  fc.assert(
    fc.property(slots, longest, weight, weight, sizes, sizes, priority, fc.integer(), (
      slots,
      longest,
      one,
      many,
      sizeOne,
      sizeMany,
      priority,
      seed,
    ) => {
      const random = randomFrom(seed);
      const runs = simulate(fair(), slots, [
        { name: "many", weight: many, priority, atOnce: 500, service: sizeMany(longest) },
        {
          name: "one",
          weight: one,
          priority,
          atOnce: 1,
          from: random() * longest,
          service: sizeOne(longest),
          think: () => random() < 0.5 ? 0 : Math.round(random() * 2 * longest),
        },
      ], 40 * longest);
      const wait = longestWait(runs, "one");
      assert(wait <= longest, `waited ${wait} of ${longest}`);
    }),
    { numRuns: 40 },
  );
});

Deno.test("a chat of a higher class waits at most one service time beside 500 that have waited for long", () => {
  for (const [chat, flood] of [["default", "batch"], ["interactive", "batch"], ["interactive", "default"]] as const) {
    const runs = simulate(fair(), 4, [
      { name: "flood", priority: flood, atOnce: 500, service: () => 3_000 },
      { name: "chat", priority: chat, atOnce: 1, from: 1_000, service: () => 700, think: () => 5_100 },
    ], 600_000);
    assert(longestWait(runs, "chat") <= 3_000, `${chat} beside ${flood}: ${longestWait(runs, "chat")}`);
  }
});

Deno.test("no slot is free while a request waits, so that as much is used as first come, first served", () => {
  const load = fc.record({
    weight,
    atOnce: fc.integer({ min: 1, max: 40 }),
    priority: fc.constantFrom("interactive" as const, "default" as const, "batch" as const),
    total: fc.integer({ min: 1, max: 100 }),
    think: fc.nat({ max: 3_000 }),
  });
  fc.assert(
    fc.property(slots, longest, fc.array(load, { minLength: 1, maxLength: 6 }), (slots, longest, loads) => {
      const conserving = (order: Order): Order => ({
        ...order,
        start(now, free) {
          const started = order.start(now, free);
          assert(started !== undefined || free === 0 || order.waiting() === 0);
          return started;
        },
      });
      const until = 10_000 * longest;
      const [ours, plain] = [fair(), firstComeFirstServed()].map((order) => {
        const all = loads.map(({ think, ...load }, i): Load => {
          return { ...load, name: `${i}`, think: () => think, service: () => longest };
        });
        return used(simulate(conserving(order), slots, all, until), 0, until);
      });
      assertEquals(ours, plain);
    }),
    { numRuns: 30 },
  );
});

Deno.test("nothing starves, whatever goes on in the higher classes", () => {
  const runs = simulate(fair(), 2, [
    { name: "talk", priority: "interactive", atOnce: 20, service: () => 1_000 },
    { name: "more talk", priority: "interactive", atOnce: 20, service: () => 900 },
    { name: "work", priority: "default", atOnce: 5, service: () => 1_100 },
    { name: "night", priority: "batch", atOnce: 5, service: () => 1_200 },
  ], 600_000);
  for (const client of ["work", "night"]) {
    assert(used(runs, 0, 600_000, client) > 0.1 * 2 * 600_000, client);
    // Twice the ageing, and its turns among the four that share.
    assert(longestWait(runs, client) < 20_000 + 5 * 4 * 1_200, `${client}: ${longestWait(runs, client)}`);
  }
});

Deno.test("a class that takes turns with two clients above it that are never both gone gets its own", () => {
  const runs = simulate(fair(), 1, [
    { name: "a", priority: "interactive", atOnce: 1, service: () => 1_000, think: () => 10 },
    { name: "b", priority: "interactive", atOnce: 1, service: () => 1_000, think: () => 10 },
    { name: "night", priority: "batch", atOnce: 10, service: () => 1_000 },
  ], 300_000);
  assert(used(runs, 0, 300_000, "night") > 0.25 * 300_000);
});

Deno.test("a request that needs all slots is served beside single ones, and they beside it", () => {
  const runs = simulate(fair(), 4, [
    { name: "single", atOnce: 50, service: () => 1_000 },
    { name: "whole", atOnce: 5, service: () => 1_000, slots: () => 4 },
  ], 300_000);
  assert(longestWait(runs, "whole") < 60_000, `${longestWait(runs, "whole")}`);
  const [single, whole] = [used(runs, 0, 300_000, "single"), used(runs, 0, 300_000, "whole")];
  assert(single > 0.35 * (single + whole) && whole > 0.25 * (single + whole), `${single} ${whole}`);
});

Deno.test("weights hold between clients whose requests take different numbers of slots", () => {
  const runs = simulate(fair({ maxPassed: 0 }), 8, [
    { name: "one", atOnce: 50, service: () => 1_000 },
    { name: "four", atOnce: 50, service: () => 1_000, slots: () => 4 },
  ], 300_000);
  const [one, four] = [used(runs, 0, 300_000, "one"), used(runs, 0, 300_000, "four")];
  assertShare(one / (one + four), 0.5);
});
