import { assert, assertEquals } from "@std/assert";
import { OURS, POLICIES, ratioToBest, type Score, score } from "../../../bench/simulation/compare.ts";
import { type Load, LOADS, shortened } from "../../../bench/simulation/loads.ts";
import { Random } from "../../../bench/simulation/random.ts";
import { simulate } from "../../../bench/simulation/simulation.ts";

const SEEDS = [101, 102];

function short(name: string): (seed: number) => Load {
  return (seed) => {
    const make = LOADS[name];
    if (make === undefined) throw new RangeError(`no load ${name}`);
    return shortened(make(seed), 0.5);
  };
}

for (const name of Object.keys(LOADS)) {
  Deno.test(`whatever the policy, every request of the load "${name}" is answered once`, () => {
    const load = short(name)(1);
    const turns = load.conversations.reduce((sum, { turns }) => sum + turns.length, 0);
    for (const make of Object.values(POLICIES)) {
      const { firstTokenMs, lost } = simulate(load, make(new Random(1).next));
      assert(firstTokenMs.length >= turns && firstTokenMs.length <= turns + lost, `${firstTokenMs.length} of ${turns}`);
    }
  });
}

Deno.test("the same seed gives the same outcome", () => {
  const run = () => {
    const { firstTokenMs, computedTokens } = simulate(short("chat")(1), POLICIES[OURS]?.(new Random(1).next) ?? fail());
    return { firstTokenMs, computedTokens };
  };
  assertEquals(run(), run());
});

Deno.test("modeld computes about as few prompt tokens as a fixed assignment, and is not later than any", () => {
  for (const name of ["skewed chat", "unlike servers"]) {
    const scores = new Map(
      Object.keys(POLICIES).map((policy): [string, Score] => [policy, score(short(name), policy, SEEDS)]),
    );
    const tokens = ratioToBest(scores, ({ computedTokens }) => computedTokens);
    const p95 = ratioToBest(scores, ({ p95 }) => p95);
    assert(tokens < 1.15 && p95 < 1.15, `${name}: ${tokens} times the tokens, ${p95} times the p95`);
  }
});

function fail(): never {
  throw new RangeError("no such policy");
}
