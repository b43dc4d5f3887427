/** Upper bounds of every time histogram, in milliseconds: 1 ms to 10 minutes. */
const BUCKETS_MS: readonly number[] = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  1_000,
  2_000,
  5_000,
  10_000,
  30_000,
  60_000,
  120_000,
  300_000,
  600_000,
];

/** The same bounds in seconds, as Prometheus has them. */
export const BUCKETS_SECONDS: readonly number[] = BUCKETS_MS.map((ms) => ms / 1000);

/**
 * A histogram that costs nanoseconds to fill: plain counts, no labels. Filled on the hot path, folded into the exported
 * metrics later.
 */
export class BucketCounts {
  /** Observations per bucket (not cumulative); the last is what lies above the largest bound. */
  readonly counts = new Float64Array(BUCKETS_MS.length + 1);
  /** Sum of all observations, in milliseconds. */
  sum = 0;

  /** Counts `times` observations of `ms` milliseconds each. */
  observe(ms: number, times = 1): void {
    let bucket = 0;
    while (bucket < BUCKETS_MS.length && ms > (BUCKETS_MS[bucket] as number)) bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + times;
    this.sum += ms * times;
  }

  /** Adds what the other has counted. */
  add(other: BucketCounts): void {
    for (let i = 0; i < this.counts.length; i++) {
      this.counts[i] = (this.counts[i] as number) + (other.counts[i] as number);
    }
    this.sum += other.sum;
  }
}
