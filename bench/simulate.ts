/**
 * Which server a request should go to: `deno task simulate` compares policies on simulated servers, prints tables for
 * bench/README.md and draws its plots. Needs no llama-server and no quiet machine, save for the cost of a decision.
 */
import { parseArgs } from "@std/cli/parse-args";
import { svg } from "./plot.ts";
import { comparison, markdown, OURS, POLICIES, type Score, score } from "./simulation/compare.ts";
import { chatLoad, largeLoad, LOADS } from "./simulation/loads.ts";

const { seeds = "64", only = "", out = "docs/performance" } = parseArgs(Deno.args, {
  string: ["seeds", "only", "out"],
});
/** Not those that the policy was tuned on, which are below 2,001. With few of them a p95 goes up and down by 10 %. */
const SEEDS = Array.from({ length: Number(seeds) }, (_, i) => 3_001 + i);

const loads = new Map<string, Map<string, Score>>();
for (const [name, load] of Object.entries(LOADS)) {
  if (name.includes(only)) loads.set(name, scores((policy) => score(load, policy, SEEDS)));
}
console.log(comparison(loads));
if (only === "") {
  growth();
  decisions();
}

/** How policies bear more and more conversations on the same four servers. */
function growth(): void {
  const sizes = [10, 20, 40, 60, 80, 100, 150];
  const firstToken = new Map<string, [number, number][]>();
  const computed = new Map<string, [number, number][]>();
  for (const policy of Object.keys(POLICIES)) {
    const found = sizes.map((size) => ({ size, ...score((seed) => chatLoad(size, seed), policy, SEEDS.slice(0, 4)) }));
    firstToken.set(policy, found.map(({ size, p95 }) => [size, p95]));
    computed.set(
      policy,
      found.map(({ size, computedTokens, promptTokens }) => [size, 100 * computedTokens / promptTokens]),
    );
  }
  const xTitle = "conversations in six minutes, four servers";
  draw("simulated-first-token", { title: "First token, 95th percentile", xTitle, yTitle: "ms", lines: firstToken });
  draw("simulated-computed", { title: "Prompt tokens that are computed", xTitle, yTitle: "%", lines: computed });
}

/** What a decision costs with more and more servers, and 100,000 requests with the most. */
function decisions(): void {
  const sizes = [[1, 10_000], [4, 20_000], [16, 40_000], [64, 100_000]] as const;
  const rows = sizes.map(([servers, requests]) => ({
    servers,
    ...score((seed) => largeLoad(servers, requests, seed), OURS, [1]),
  }));
  console.log();
  const us = (value: number) => value.toFixed(1);
  console.log(markdown(
    ["servers", "requests", "decisions", "a decision p50, µs", "p99, µs"],
    rows.map((each) => [
      ...[each.servers, each.requests, each.decisions].map((count) => count.toLocaleString("en")),
      us(each.decisionP50),
      us(each.decisionP99),
    ]),
  ));
  const lines = new Map([
    ["p50", rows.map((each): [number, number] => [each.servers, each.decisionP50])],
    ["p99", rows.map((each): [number, number] => [each.servers, each.decisionP99])],
  ]);
  draw("dispatch-decision", { title: "What a decision costs", xTitle: "servers", yTitle: "µs", lines });
}

function scores(of: (policy: string) => Score): Map<string, Score> {
  return new Map(Object.keys(POLICIES).map((policy) => [policy, of(policy)]));
}

function draw(name: string, plot: Parameters<typeof svg>[0]): void {
  Deno.writeTextFileSync(`${out}/${name}.svg`, svg(plot));
}
