import type { Outcome } from "./client.ts";

/** The figures of one load on one front, by what they are. */
export type Figures = ReadonlyMap<string, number>;

/** What a load came to. @param elapsedMs from its beginning to its last answer */
export function figuresOf(outcomes: readonly Outcome[], elapsedMs: number): Figures {
  const figures = new Map<string, number>();
  for (const who of new Set(outcomes.map((outcome) => outcome.who))) {
    const times = outcomes.filter((outcome) => outcome.who === who).flatMap(({ firstTokenMs }) => firstTokenMs ?? []);
    figures.set(`${who}: first token p50, s`, quantile(times, 0.5) / 1_000);
    figures.set(`${who}: first token p95, s`, quantile(times, 0.95) / 1_000);
  }
  const sum = (of: (outcome: Outcome) => number): number => outcomes.reduce((total, each) => total + of(each), 0);
  figures.set("tokens/s in all", sum(({ tokens }) => tokens) / elapsedMs * 1_000);
  figures.set("prompt tokens computed", sum(({ computed }) => computed));
  figures.set("rejected", outcomes.filter(({ end }) => end === "rejected").length);
  figures.set("failed", outcomes.filter(({ end }) => end === "failed").length);
  return figures;
}

/** A Markdown table: a row a figure, a column a front. */
export function figuresTable(columns: ReadonlyMap<string, Figures>): string {
  const names = [...new Set([...columns.values()].flatMap((figures) => [...figures.keys()]))];
  const rows = names.map((name) => [
    name,
    ...[...columns.values()].map((figures) => shown(figures.get(name) ?? NaN)),
  ]);
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(["", ...columns.keys()]), line(["---", ...[...columns].map(() => "--:")]), ...rows.map(line)].join("\n");
}

/** NaN where there is nothing. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(q * sorted.length) - 1] ?? NaN;
}

function shown(value: number): string {
  if (Number.isNaN(value)) return "–";
  return Number.isInteger(value) ? value.toLocaleString("en") : value.toPrecision(3);
}
