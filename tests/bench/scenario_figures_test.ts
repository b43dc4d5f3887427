import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Outcome } from "../../bench/scenarios/client.ts";
import { figuresOf, figuresTable, quantile } from "../../bench/scenarios/figures.ts";

const outcome = (of: Partial<Outcome>): Outcome => ({
  who: "chat",
  firstTokenMs: 100,
  answer: "",
  tokens: 10,
  computed: 50,
  end: "ok",
  ...of,
});

Deno.test("a load comes to first tokens by who asked, and to sums of all", () => {
  const figures = figuresOf([
    outcome({ firstTokenMs: 100 }),
    outcome({ firstTokenMs: 300 }),
    outcome({ who: "batch", firstTokenMs: 2_000, tokens: 20 }),
    outcome({ end: "rejected", firstTokenMs: undefined, tokens: 0, computed: 0 }),
  ], 2_000);
  assertEquals(figures.get("chat: first token p50, s"), 0.1);
  assertEquals(figures.get("chat: first token p95, s"), 0.3);
  assertEquals(figures.get("batch: first token p50, s"), 2);
  assertEquals(figures.get("tokens/s in all"), 20);
  assertEquals(figures.get("prompt tokens computed"), 150);
  assertEquals([figures.get("rejected"), figures.get("failed")], [1, 0]);
});

Deno.test("a quantile is a value that was measured", () => {
  assertEquals(quantile([3, 1, 2, 4], 0.5), 2);
  assertEquals(quantile([3, 1, 2, 4], 0.95), 4);
  assertEquals(quantile([], 0.5), NaN);
});

Deno.test("each figure is a row, each front a column, and what was not measured a dash", () => {
  const table = figuresTable(new Map([["straight", figuresOf([outcome({})], 1_000)], ["modeld", new Map()]]));
  assertStringIncludes(table, "|  | straight | modeld |");
  assertStringIncludes(table, "| tokens/s in all | 10 | – |");
});
