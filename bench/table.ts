import { type MeasureName, MEASURES, type Measures } from "./measures.ts";

const NAMES = Object.keys(MEASURES) as MeasureName[];

/**
 * A Markdown table: one row a measure, one column a contender, each number followed by its ratio to the column
 * `reference` where there is one.
 */
export function table(results: ReadonlyMap<string, Measures>, reference: string): string {
  const limit = results.get(reference);
  const contenders = [...results];
  const rows = NAMES.map((name) => [
    MEASURES[name].title,
    ...contenders.map(([contender, measures]) =>
      cell(measures[name], contender === reference ? undefined : limit?.[name])
    ),
  ]);
  const header = ["", ...contenders.map(([contender]) => contender)];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))).join(" | ")
    } |`;
  const rule = `| ${
    widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")
  } |`;
  return [line(header), rule, ...rows.map(line)].join("\n");
}

function cell(value: number, limit: number | undefined): string {
  if (Number.isNaN(value)) return "";
  const ratio = limit === undefined || Number.isNaN(limit) ? "" : ` (×${(value / limit).toPrecision(3)})`;
  return `${value < 100 ? value.toPrecision(3) : Math.round(value).toLocaleString("en")}${ratio}`;
}
