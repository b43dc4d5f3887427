/**
 * Nanoseconds that two processes of one machine can compare, as digits. Deno has no shared monotonic clock: this is the
 * wall clock at the process's start plus monotonic time since, so the two drift apart by some µs if the clock is adjusted.
 */
export function nanoseconds(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000) * 1_000;
}

/** The arguments, as in `name=value`. */
export function argument(name: string): string | undefined {
  return Deno.args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1);
}
