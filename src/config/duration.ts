/** Milliseconds of each unit that Go's durations know; µ may be the micro sign or the Greek letter. */
const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "\u00b5s": 1e-3,
  "\u03bcs": 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

const wholePattern = /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|[u\u00b5\u03bc]s|ms|s|m|h))+)$/;
const partPattern = /(\d+(?:\.\d*)?|\.\d+)(ns|[u\u00b5\u03bc]s|ms|s|m|h)/g;

/**
 * Reads a duration as Go's `time.ParseDuration` does: `300ms`, `1m30s`, `1.5h`, a sign in front, and a bare `0`.
 *
 * @returns milliseconds, not rounded; `undefined` where the text is no duration.
 */
export function parseDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  const whole = wholePattern.exec(text);
  if (whole === null) return undefined;
  let ms = 0;
  for (const [, amount = "", unit = ""] of (whole[2] ?? "").matchAll(partPattern)) {
    ms += Number(amount) * (unitMs[unit] ?? NaN);
  }
  return whole[1] === "-" ? -ms : ms;
}

/** Writes whole milliseconds so that `parseDuration` reads them back: `90000` is `1m30s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0";
  const parts: string[] = [];
  let rest = ms;
  for (const unit of ["h", "m", "s", "ms"]) {
    const size = unitMs[unit] ?? 1;
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count}${unit}`);
    rest -= count * size;
  }
  return parts.join("");
}
