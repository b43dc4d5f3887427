/** The middle value; of an even number of values the mean of the two in the middle. NaN values are left out. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return NaN;
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}

/** The smallest value, or the largest where more is better. NaN values are left out. */
export function best(values: readonly number[], more = false): number {
  const measured = values.filter((value) => !Number.isNaN(value));
  if (measured.length === 0) return NaN;
  return more ? Math.max(...measured) : Math.min(...measured);
}

/** Sums up several rounds, name by name. */
export function overRounds<Name extends string>(
  rounds: readonly Record<Name, number>[],
  sumUp: (values: readonly number[], name: Name) => number,
): Record<Name, number> {
  const [first] = rounds;
  if (first === undefined) throw new RangeError("no rounds to sum up");
  const names = Object.keys(first) as Name[];
  const entries = names.map((name) => [name, sumUp(rounds.map((round) => round[name]), name)]);
  return Object.fromEntries(entries);
}
