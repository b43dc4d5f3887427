import { assert, assertEquals } from "@std/assert";
import { Random } from "../../bench/simulation/random.ts";
import { type Candidate, type Choosing, firstTokenMs, SoonestFirstToken } from "../../src/dispatch/policy.ts";

const MAX_AFFINITY_WAIT = 2_000;
const policy = new SoonestFirstToken(() => MAX_AFFINITY_WAIT, () => 0.5);

function server(server: string, seen: Partial<Candidate> = {}): Candidate {
  const idle = { slots: 4, freeSlots: 4, waitMs: 0, prefillRate: 1, serviceMs: 500 };
  const { cachedTokens = 0 } = seen;
  return { server, ...idle, cachedTokens, historyTokens: cachedTokens, continues: false, ...seen };
}

const REQUEST: Choosing = { promptTokens: 3_000, heldSince: undefined, hasTried: false };

function choose(candidates: readonly Candidate[], request: Partial<Choosing> = {}, now = 0): string {
  const choice = policy.choose({ ...REQUEST, ...request }, candidates, now);
  if (choice.is === "send") return `${choice.to.server}: ${choice.reason}`;
  if (choice.is === "wait") return `wait for ${choice.for.server} until ${choice.until}`;
  return choice.is;
}

Deno.test("the first token takes the wait and the part of the prompt that is not cached, in ms", () => {
  const candidate = server("a", { waitMs: 100, prefillRate: 2, cachedTokens: 1_000 });
  assertEquals(firstTokenMs(REQUEST, candidate), 100 + 1_000);
  assertEquals(firstTokenMs({ ...REQUEST, promptTokens: 10 }, candidate), 100);
});

Deno.test("a request goes where its prompt is cached", () => {
  assertEquals(choose([server("a"), server("b", { cachedTokens: 2_900, freeSlots: 1 })]), "b: warm");
});

Deno.test("a fast server that is cold is better than a slow one that is warm", () => {
  const slow = server("slow", { cachedTokens: 1_500, prefillRate: 0.1 });
  assertEquals(choose([slow, server("fast")]), "fast: spill");
});

Deno.test("a server that computes a long prompt is avoided by what is short", () => {
  const computing = server("a", { waitMs: 5_000, cachedTokens: 1_000 });
  assertEquals(choose([computing, server("b", { freeSlots: 1 })]), "b: spill");
});

Deno.test("what costs about the same goes to the server with the most free slots", () => {
  const large = server("large", { slots: 8, freeSlots: 4 });
  assertEquals(choose([server("small", { freeSlots: 2 }), { ...large, waitMs: 9 }]), "large: cold");
  assertEquals(choose([server("small", { freeSlots: 2 }), { ...large, waitMs: 600 }]), "small: cold");
});

Deno.test("what is alike in all is chosen at random, each as often", () => {
  const even = new SoonestFirstToken(() => 0, new Random(1).next);
  const counts = new Map<string, number>();
  for (let i = 0; i < 3_000; i++) {
    const choice = even.choose(REQUEST, [server("a"), server("b"), server("c")], 0);
    if (choice.is === "send") counts.set(choice.to.server, (counts.get(choice.to.server) ?? 0) + 1);
  }
  assert(counts.size === 3 && [...counts.values()].every((count) => count > 900 && count < 1_100), `${[...counts]}`);
});

Deno.test("what begins goes where there is room, even where that costs it a shared prefix", () => {
  const full = server("full", { freeSlots: 1, cachedTokens: 1_000 });
  assertEquals(choose([full, server("idle")]), "idle: spill");
  assertEquals(choose([{ ...full, cachedTokens: 2_900 }, server("idle")]), "full: warm");
});

Deno.test("a conversation stays where its history is, however busy it is there, unless waiting is worse than moving", () => {
  const home = server("home", { freeSlots: 1, cachedTokens: 1_000, continues: true, waitMs: 10_000 });
  assertEquals(choose([home, server("idle")]), "home: warm");
  assertEquals(choose([{ ...home, waitMs: 26_000 }, server("idle")]), "idle: spill");
});

Deno.test("a conversation stays where it was though its cache is gone, unless the cold start is much sooner elsewhere", () => {
  const home = server("home", { freeSlots: 1, historyTokens: 1_000, continues: true });
  assertEquals(choose([home, server("idle")]), "home: cold");
  assertEquals(choose([{ ...home, waitMs: 24_000 }, server("idle")]), "idle: cold");
});

Deno.test("a busy warm server is waited for while that is cheaper, and never keeps a slot free for longer than allowed", () => {
  const warm = server("warm", { freeSlots: 0, waitMs: 1_500, cachedTokens: 2_900, continues: true });
  assertEquals(choose([warm, server("cold")], {}, 100), "wait for warm until 2100");
  assertEquals(choose([warm, server("cold")], { heldSince: 100 }, 2_099), "wait for warm until 2100");
  assertEquals(choose([warm, server("cold")], { heldSince: 100 }, 2_100), "cold: spill");
  assertEquals(choose([{ ...warm, waitMs: 73_000 }, server("cold")]), "cold: spill");
});

Deno.test("a busy server that is only faster keeps nobody from a free slot", () => {
  const fast = server("fast", { freeSlots: 0, waitMs: 100, prefillRate: 100 });
  assertEquals(choose([fast, server("slow")]), "slow: cold");
});

Deno.test("without a free slot a request stays queued", () => {
  assertEquals(choose([server("busy", { freeSlots: 0, waitMs: 8_000 })]), "queue");
});

Deno.test("the reason says whether there was a choice at all", () => {
  assertEquals(choose([server("a", { cachedTokens: 5 })]), "a: only");
  assertEquals(choose([server("a"), server("b", { freeSlots: 0 })], { hasTried: true }), "a: failover");
});
