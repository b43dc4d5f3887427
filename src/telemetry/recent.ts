import { BucketCounts, BUCKETS_SECONDS } from "../base/bucket_counts.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Timeline } from "../base/timeline.ts";
import { count, promptTokens } from "./inference_observer.ts";
import type { InferenceObserver, InferenceResult } from "./inference_observer.ts";

/** Seconds of one step, and how many of them are kept: 15 minutes. */
const STEP_SECONDS = 10;
const STEPS = 90;

/** Between two looks at what runs, in ms. */
const SAMPLE_MS = 1_000;

/** The last 15 minutes in steps; each array has one number a step, the oldest first, the present one last. */
export interface RecentFigures {
  readonly step_seconds: number;
  /** When the present step ends, Unix seconds. */
  readonly end_unix: number;
  /** Inferences that ended, and those of them that modeld turned away (`rejected`) or that failed otherwise. */
  readonly requests: readonly number[];
  readonly rejected: readonly number[];
  readonly failed: readonly number[];
  /** Tokens a second; of a stream its fragments, as they came. */
  readonly tokens_per_second: readonly number[];
  /** The most requests that waited at once. */
  readonly queued: readonly number[];
  /** From arrival to the first fragment, read off a histogram; null where none came. */
  readonly first_token_ms_p50: readonly (number | null)[];
  readonly first_token_ms_p95: readonly (number | null)[];
}

/** What llama-server's timings said of one model on one server; sums since modeld started. */
export interface ModelFigures {
  promptTokens: number;
  /** Those of them that were in the server's cache. */
  cachedTokens: number;
  /** Of one generation, as a moving average. */
  tokensPerSecond: number | undefined;
}

/** Weight of the newest generation in the moving average. */
const NEWEST = 0.3;

class Step {
  requests = 0;
  rejected = 0;
  failed = 0;
  tokens = 0;
  queued = 0;
  readonly firstToken = new BucketCounts();
}

/**
 * Counts of the last 15 minutes, for people who look: a ring of fixed size. While requests run it looks at them once a
 * second, and its timer lives only as long as they do.
 */
export class Recent implements InferenceObserver {
  readonly #clock: Clock;
  readonly #running: () => Iterable<Timeline>;
  readonly #ring: Step[] = Array.from({ length: STEPS }, () => new Step());
  readonly #models = new Map<string, ModelFigures>();
  /** Number of the present step, counted from the clock's zero. */
  #step = 0;
  #inside = 0;
  #timer: Timer | undefined;
  /** Fragments of inferences that have ended, and of all at the last look. */
  #endedFragments = 0;
  #seenFragments = 0;

  /** @param running the inferences that have not ended */
  constructor(clock: Clock, running: () => Iterable<Timeline>) {
    this.#clock = clock;
    this.#running = running;
    this.#step = this.#stepNow();
  }

  started(): void {
    this.#inside++;
    this.#timer ??= this.#clock.after(SAMPLE_MS, this.#look);
  }

  ended(timeline: Timeline, result: InferenceResult): void {
    this.#endedFragments += timeline.fragments;
    if (--this.#inside === 0) {
      this.#timer?.clear();
      this.#timer = undefined;
      this.#sample();
    }
    const step = this.#present();
    step.requests++;
    if (result.outcome === "rejected") step.rejected++;
    else if (result.outcome !== "ok" && result.outcome !== "cancelled") step.failed++;
    // An answer in one piece is one fragment of many tokens.
    step.tokens += Math.max(0, (result.usage?.completionTokens ?? 0) - timeline.fragments);
    if (timeline.timeToFirstToken !== undefined) step.firstToken.observe(timeline.timeToFirstToken);
    this.#noteTimings(timeline, result);
  }

  /** The last 15 minutes up to now. */
  figures(): RecentFigures {
    this.#sample();
    const present = this.#stepNow();
    const steps = Array.from({ length: STEPS }, (_, i) => this.#at(present - STEPS + 1 + i));
    const left = (present + 1) * STEP_SECONDS * 1_000 - this.#clock.now();
    return {
      step_seconds: STEP_SECONDS,
      end_unix: Math.round((this.#clock.wallTime() + left) / 1_000),
      requests: steps.map(({ requests }) => requests),
      rejected: steps.map(({ rejected }) => rejected),
      failed: steps.map(({ failed }) => failed),
      tokens_per_second: steps.map(({ tokens }) => Math.round(10 * tokens / STEP_SECONDS) / 10),
      queued: steps.map(({ queued }) => queued),
      first_token_ms_p50: steps.map(({ firstToken }) => quantile(firstToken, 0.5)),
      first_token_ms_p95: steps.map(({ firstToken }) => quantile(firstToken, 0.95)),
    };
  }

  /** What the generations of a model on a server were like. */
  model(server: string, model: string): ModelFigures | undefined {
    return this.#models.get(`${server}\n${model}`);
  }

  readonly #look = (): void => {
    this.#sample();
    this.#timer = this.#clock.after(SAMPLE_MS, this.#look);
  };

  #sample(): void {
    let fragments = this.#endedFragments;
    let queued = 0;
    for (const timeline of this.#running()) {
      fragments += timeline.fragments;
      if (timeline.stage === "queue" || timeline.stage === "load") queued++;
    }
    const step = this.#present();
    step.tokens += fragments - this.#seenFragments;
    this.#seenFragments = fragments;
    step.queued = Math.max(step.queued, queued);
  }

  #noteTimings({ server, model }: Timeline, { timings }: InferenceResult): void {
    if (server === undefined || model === undefined || timings === undefined) return;
    const { cached, computed } = promptTokens(timings) ?? { cached: 0, computed: 0 };
    const key = `${server}\n${model}`;
    const known = this.#models.get(key) ?? { promptTokens: 0, cachedTokens: 0, tokensPerSecond: undefined };
    this.#models.set(key, known);
    known.promptTokens += cached + computed;
    known.cachedTokens += cached;
    const rate = count(timings["predicted_per_second"]);
    if (rate > 0) known.tokensPerSecond = (known.tokensPerSecond ?? rate) * (1 - NEWEST) + rate * NEWEST;
  }

  #stepNow(): number {
    return Math.floor(this.#clock.now() / (STEP_SECONDS * 1_000));
  }

  /** The present step; those since the last one were empty. */
  #present(): Step {
    const now = this.#stepNow();
    for (let step = Math.max(this.#step, now - STEPS) + 1; step <= now; step++) this.#ring[step % STEPS] = new Step();
    this.#step = now;
    return this.#at(now);
  }

  #at(step: number): Step {
    return this.#ring[((step % STEPS) + STEPS) % STEPS] as Step;
  }
}

/** Within its bucket a value is taken to lie where an even spread would put it. */
function quantile({ counts }: BucketCounts, q: number): number | null {
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (total === 0) return null;
  let left = q * total;
  for (const [bucket, n] of counts.entries()) {
    if (left <= n && n > 0) {
      const low = bucket === 0 ? 0 : (BUCKETS_SECONDS[bucket - 1] ?? 0);
      const high = BUCKETS_SECONDS[bucket] ?? low;
      return Math.round(10_000 * (low + (high - low) * left / n)) / 10;
    }
    left -= n;
  }
  return null;
}
