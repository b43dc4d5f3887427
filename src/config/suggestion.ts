import { distance } from "fastest-levenshtein";

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
