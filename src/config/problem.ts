import { hidden } from "./kinds.ts";
import { describeSource, type Setting, type Source } from "./setting.ts";
import { distance } from "fastest-levenshtein";

/** How much of a wrong value a problem repeats, in characters. */
const shownLength = 80;

/** Everything that is wrong with a configuration, found in one go; each problem is one line that says what to do. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly problems: readonly string[];
  /** The files that were read for it. */
  readonly files: readonly string[];

  constructor(problems: readonly string[], files: readonly string[] = []) {
    super(problems.join("\n"));
    this.problems = problems;
    this.files = files;
  }
}

/** One line: setting, value, what is wrong with it and what is allowed, where it came from. */
export function describeProblem(setting: Setting<unknown>, written: unknown, source: Source, problem: string): string {
  return `${setting.title}: ${show(setting, written)} ${problem} (${describeSource(source)})`;
}

function show(setting: Setting<unknown>, written: unknown): string {
  const { mask } = setting.kind;
  if (typeof written === "string") return quote(mask === undefined ? written : mask(written));
  if (mask !== undefined) return hidden;
  return shorten(JSON.stringify(written) ?? String(written));
}

/** Quotes a text of the operator's, so that its beginning and end show and it stays on one line. */
export function quote(text: string): string {
  return JSON.stringify(shorten(text));
}

/** The beginning of a text that may be long. */
export function shorten(text: string): string {
  return text.length > shownLength ? `${text.slice(0, shownLength)}...` : text;
}

/** `; did you mean --addr?` where one of the names is near what was written, else nothing. */
export function suggestion(written: string, names: readonly string[]): string {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(written.length / 3)) + 1;
  for (const name of names) {
    const d = distance(written, name);
    if (d < bestDistance) [best, bestDistance] = [name, d];
  }
  return best === undefined ? "" : `; did you mean ${best}?`;
}
