import { SoonestFirstToken } from "../../src/dispatch/policy.ts";
import type { Load } from "./loads.ts";
import { Random } from "./random.ts";
import { FixedBySession, LeastBusy, PrefixThreshold, RoundRobin, type SimulatedPolicy } from "./rivals.ts";
import { simulate } from "./simulation.ts";

/** How long a request may keep a slot free for the sake of a warm server, in ms. */
const MAX_AFFINITY_WAIT = 8_000;
export const OURS = "modeld";

/** Every policy that is compared, made anew for each run. */
export const POLICIES: Readonly<Record<string, (random: () => number) => SimulatedPolicy>> = {
  "round robin": () => new RoundRobin(),
  "least busy": (random) => new LeastBusy(random),
  "fixed by session": (random) => new FixedBySession(random),
  "prefix threshold": (random) => new PrefixThreshold(random),
  [OURS]: (random) => new SoonestFirstToken(() => MAX_AFFINITY_WAIT, random),
};

/** What came of one load under one policy, over all seeds together. */
export interface Score {
  readonly requests: number;
  /** Time to first token, in ms. */
  readonly p50: number;
  readonly p95: number;
  readonly computedTokens: number;
  readonly promptTokens: number;
  readonly lost: number;
  readonly decisions: number;
  /** What half of the decisions took at most, in µs; and 99 of 100. */
  readonly decisionP50: number;
  readonly decisionP99: number;
}

/** Runs a load once for each seed. */
export function score(load: (seed: number) => Load, policy: string, seeds: readonly number[]): Score {
  const make = POLICIES[policy];
  if (make === undefined) throw new RangeError(`unknown policy ${policy}`);
  const outcomes = seeds.map((seed) => simulate(load(seed), make(new Random(~seed).next)));
  const times = Float64Array.from(outcomes.flatMap(({ firstTokenMs }) => firstTokenMs)).sort();
  const decisions = Float64Array.from(outcomes.flatMap(({ decisionUs }) => decisionUs)).sort();
  const sum = (of: (outcome: (typeof outcomes)[number]) => number) =>
    outcomes.reduce((total, each) => total + of(each), 0);
  return {
    requests: times.length,
    p50: quantile(times, 0.5),
    p95: quantile(times, 0.95),
    computedTokens: sum((outcome) => outcome.computedTokens),
    promptTokens: sum((outcome) => outcome.promptTokens),
    lost: sum((outcome) => outcome.lost),
    decisions: decisions.length,
    decisionP50: quantile(decisions, 0.5),
    decisionP99: quantile(decisions, 0.99),
  };
}

/** How many times as much modeld takes as the best of the others: below 1 it is better. */
export function ratioToBest(scores: ReadonlyMap<string, Score>, of: (score: Score) => number): number {
  const others = [...scores].filter(([name]) => name !== OURS).map(([, score]) => of(score));
  const ours = scores.get(OURS);
  return ours === undefined ? NaN : of(ours) / Math.min(...others);
}

/** A Markdown table: one row a load, one column a policy, in the last modeld's ratio to the best of the others. */
export function comparison(loads: ReadonlyMap<string, ReadonlyMap<string, Score>>): string {
  const rows = [...loads].flatMap(([load, scores]) => [
    row(
      `${load}: first token p50 / p95, s`,
      scores,
      ({ p50, p95 }) => `${seconds(p50)} / ${seconds(p95)}`,
      ({ p95 }) => p95,
    ),
    row("prompt tokens computed", scores, ({ computedTokens, promptTokens }) => {
      return `${(100 * computedTokens / promptTokens).toFixed(1)} %`;
    }, ({ computedTokens }) => computedTokens),
  ]);
  return markdown(["", ...Object.keys(POLICIES), "to the best of the others"], rows);
}

/** A Markdown table. */
export function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = header.map((_, i) => i === 0 ? "---" : "---:");
  return [header, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function row(
  title: string,
  scores: ReadonlyMap<string, Score>,
  show: (score: Score) => string,
  of: (score: Score) => number,
): readonly string[] {
  return [title, ...[...scores.values()].map(show), `× ${ratioToBest(scores, of).toFixed(2)}`];
}

function quantile(sorted: Float64Array, part: number): number {
  return sorted[Math.floor(sorted.length * part)] ?? NaN;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(ms < 9_950 ? 2 : 0);
}
