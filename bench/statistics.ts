/** The middle value; of an even number of values the mean of the two in the middle. NaN values are left out. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return NaN;
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}

/** The medians of several rounds, name by name. */
export function medians<Name extends string>(rounds: readonly Record<Name, number>[]): Record<Name, number> {
  const [first] = rounds;
  if (first === undefined) throw new RangeError("medians of no rounds");
  const names = Object.keys(first) as Name[];
  const entries = names.map((name) => [name, median(rounds.map((round) => round[name]))]);
  return Object.fromEntries(entries);
}
