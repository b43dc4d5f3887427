import type { Histogram } from "./prometheus.ts";
import { BucketCounts, BUCKETS_SECONDS } from "../base/bucket_counts.ts";

/** A sample as prom-client's registry writes it. */
interface Sample {
  readonly metricName: string;
  readonly labels: Record<string, string | number>;
  readonly value: number;
}

/**
 * A Prometheus histogram with the label `model` that takes whole `BucketCounts` at once. prom-client's own takes one value
 * at a time, each with a label look-up; that is too much for every token.
 */
export class FoldedHistogram {
  readonly type = "histogram";
  readonly aggregator = "sum";
  readonly labelNames = ["model"];
  readonly #counts = new Map<string, BucketCounts>();

  constructor(readonly name: string, readonly help: string) {}

  /** Adds the counts to the model's. */
  fold(model: string, counts: BucketCounts): void {
    let total = this.#counts.get(model);
    if (total === undefined) this.#counts.set(model, total = new BucketCounts());
    total.add(counts);
  }

  /** What prom-client's registry asks every metric for. */
  get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: Sample[] }> {
    const { name, help, type, aggregator } = this;
    const values = [...this.#counts].flatMap(([model, counts]) => this.#samples(model, counts));
    return Promise.resolve({ name, help, type, aggregator, values });
  }

  /** This histogram, as something that prom-client's registry takes; it calls only `get`. */
  asMetric(): Histogram {
    return this as unknown as Histogram;
  }

  #samples(model: string, { counts, sum }: BucketCounts): Sample[] {
    let total = 0;
    const buckets = Array.from(counts, (count, i) => {
      total += count;
      return { metricName: `${this.name}_bucket`, labels: { le: BUCKETS_SECONDS[i] ?? "+Inf", model }, value: total };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels: { model }, value: sum / 1000 },
      { metricName: `${this.name}_count`, labels: { model }, value: total },
    ];
  }
}
