/** How long all properties together may take, in seconds, unless `FUZZ_SECONDS` says otherwise. */
const DEFAULT_SECONDS = 3_600;

/** How many properties share the time. */
const PROPERTIES = 2;

/** Parameters for fast-check: as many runs as fit into the time, from a seed that is printed (`FUZZ_SEED` repeats one). */
export interface TimeBox {
  readonly seed: number;
  readonly numRuns: number;
  readonly interruptAfterTimeLimit: number;
  readonly markInterruptAsFailure: false;
}

/** The share of one property in the time, and its seed, which is printed. */
export function timeBox(name: string): TimeBox {
  const seconds = Number(Deno.env.get("FUZZ_SECONDS") ?? DEFAULT_SECONDS);
  const seed = Number(Deno.env.get("FUZZ_SEED") ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`${name}: FUZZ_SEED=${seed}, ${Math.round(seconds / PROPERTIES)} s`);
  return {
    seed,
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: seconds * 1_000 / PROPERTIES,
    markInterruptAsFailure: false,
  };
}
