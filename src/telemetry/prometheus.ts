import { type BucketCounts, BUCKETS_SECONDS } from "../base/bucket_counts.ts";

/** The media type of the text that `Registry.render` gives. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The labels of one series. */
export type Labels<L extends string> = Readonly<Record<L, string | number>>;

/** What every kind of metric is described by. */
export interface MetricOptions<L extends string> {
  readonly name: string;
  readonly help: string;
  /** Names of its labels, in the order in which they are written. */
  readonly labelNames?: readonly L[];
}

/**
 * One metric with all its series. It keeps the text of each series until that series changes, so that a scrape costs what
 * has happened since the last one, and not what there is: 50 models have thousands of lines.
 */
abstract class Metric<L extends string, S extends Series> {
  abstract readonly type: "counter" | "gauge" | "histogram";
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly L[];
  /** By their labels, as they are written. */
  protected series = new Map<string, S>();
  #text: string | undefined;

  constructor({ name, help, labelNames = [] }: MetricOptions<L>) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
  }

  /** The series as Prometheus text. */
  render(): string {
    if (this.#text === undefined) {
      // Joined, not added up: V8 would keep a tree of pieces, and walk through it whenever the text is used.
      const parts = [`# HELP ${this.name} ${this.help}\n# TYPE ${this.name} ${this.type}\n`];
      for (const [labels, series] of this.series) parts.push(series.text ??= this.write(labels, series));
      this.#text = parts.join("");
    }
    return this.#text;
  }

  protected abstract write(labels: string, series: S): string;

  /** The labels as they stand in the text, without braces. */
  protected labelsOf(labels: Labels<L>): string {
    let text = "";
    for (const name of this.labelNames) text += `${text === "" ? "" : ","}${name}="${escaped(labels[name])}"`;
    return text;
  }

  protected changed(series?: S): void {
    if (series !== undefined) series.text = undefined;
    this.#text = undefined;
  }
}

/** What is counted under one set of labels, with its lines, unless they have to be written anew. */
interface Series {
  text: string | undefined;
}

interface Value extends Series {
  value: number;
}

/** A metric whose series are one number each. One without labels is 0 from the start. */
abstract class NumberMetric<L extends string> extends Metric<L, Value> {
  constructor(options: MetricOptions<L>) {
    super(options);
    if (this.labelNames.length === 0) this.#at("");
  }

  protected write(labels: string, { value }: Value): string {
    return `${this.name}${labels === "" ? "" : `{${labels}}`} ${written(value)}\n`;
  }

  /** Adds to a series; 0 only makes it, so that a rate over it works before the first. */
  add(labels: Labels<L>, by = 1): void {
    const series = this.#at(this.labelsOf(labels));
    series.value += by;
    if (by !== 0) this.changed(series);
  }

  /** Has exactly these series from now on: one that is not among them is gone. Of the same labels the last counts. */
  show(...rows: readonly (readonly [Labels<L>, number])[]): void {
    const before = this.series;
    this.series = new Map();
    let isSame = true;
    for (const [labels, value] of rows) {
      const key = this.labelsOf(labels);
      const known = before.get(key);
      isSame &&= known?.value === value;
      this.series.set(key, known?.value === value ? known : { value, text: undefined });
    }
    if (!isSame || this.series.size !== before.size) this.changed();
  }

  #at(key: string): Value {
    let series = this.series.get(key);
    if (series === undefined) {
      this.series.set(key, series = { value: 0, text: undefined });
      this.changed();
    }
    return series;
  }
}

/** A number that only grows while modeld runs, or that mirrors one. */
export class Counter<L extends string = never> extends NumberMetric<L> {
  readonly type = "counter";
}

/** A number that goes up and down. */
export class Gauge<L extends string = never> extends NumberMetric<L> {
  readonly type = "gauge";
}

/** How often a number fell into each bucket. */
export class Histogram<L extends string = never> extends Metric<L, Buckets> {
  readonly type = "histogram";
  /** Upper bounds, ascending. */
  readonly #bounds: readonly number[];

  constructor(options: MetricOptions<L> & { readonly buckets?: readonly number[] }) {
    super(options);
    this.#bounds = options.buckets ?? BUCKETS_SECONDS;
    if (this.labelNames.length === 0) this.#at("");
  }

  /** Counts a number. */
  observe(labels: Labels<L>, value: number): void {
    const series = this.#at(this.labelsOf(labels));
    let bucket = 0;
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) bucket++;
    series.counts[bucket] = (series.counts[bucket] as number) + 1;
    series.sum += value;
    this.changed(series);
  }

  /** Adds whole counts of times, whose bounds are those of this histogram. */
  fold(labels: Labels<L>, { counts, sum }: BucketCounts): void {
    const series = this.#at(this.labelsOf(labels));
    for (const [bucket, count] of counts.entries()) {
      series.counts[bucket] = (series.counts[bucket] as number) + count;
    }
    series.sum += sum / 1000;
    this.changed(series);
  }

  protected write(labels: string, { counts, sum }: Buckets): string {
    const { name } = this;
    const others = labels === "" ? "" : `,${labels}`;
    const braced = labels === "" ? "" : `{${labels}}`;
    let total = 0;
    const lines = Array.from(counts, (count, bucket) => {
      total += count;
      return `${name}_bucket{le="${this.#bounds[bucket] ?? "+Inf"}"${others}} ${total}\n`;
    });
    lines.push(`${name}_sum${braced} ${written(sum)}\n${name}_count${braced} ${total}\n`);
    return lines.join("");
  }

  #at(key: string): Buckets {
    let series = this.series.get(key);
    if (series === undefined) {
      series = { counts: new Float64Array(this.#bounds.length + 1), sum: 0, text: undefined };
      this.series.set(key, series);
      this.changed();
    }
    return series;
  }
}

interface Buckets extends Series {
  /** For each bucket, not cumulative; the last is what lies above the largest bound. */
  readonly counts: Float64Array;
  sum: number;
}

/** What a registry asks of a metric. */
interface Registered {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
  render(): string;
}

/** The metrics of one daemon, in the order in which they were made. */
export class Registry {
  readonly metrics: Registered[] = [];

  /** Makes a counter. */
  counter<L extends string = never>(options: MetricOptions<L>): Counter<L> {
    return this.#add(new Counter(options));
  }

  /** Makes a gauge. */
  gauge<L extends string = never>(options: MetricOptions<L>): Gauge<L> {
    return this.#add(new Gauge(options));
  }

  /** Makes a histogram; without buckets it is one of times, in seconds. */
  histogram<L extends string = never>(
    options: MetricOptions<L> & { readonly buckets?: readonly number[] },
  ): Histogram<L> {
    return this.#add(new Histogram(options));
  }

  /** All metrics as Prometheus text. */
  render(): string {
    return this.metrics.map((metric) => metric.render()).join("\n");
  }

  #add<M extends Registered>(metric: M): M {
    this.metrics.push(metric);
    return metric;
  }
}

function escaped(value: string | number): string {
  if (typeof value === "number" || !/["\\\n]/.test(value)) return String(value);
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** A number as Prometheus reads it. */
function written(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}
