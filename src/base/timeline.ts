import { BucketCounts } from "./bucket_counts.ts";
import type { Priority } from "./client.ts";
import type { Clock } from "./clock.ts";
import type { LogLevel } from "./log_level.ts";

/** Where a request is: waiting for a slot, for its model to load, for the first token, or streaming. */
export type Stage = "queue" | "load" | "prefill" | "stream";

/** One stay in a stage; `endedAt` is missing while it lasts. Times are the clock's milliseconds. */
export interface StageSpan {
  readonly stage: Stage;
  readonly startedAt: number;
  endedAt?: number;
}

/** What a client may say about how its request is recorded. */
export interface TimelineOptions {
  /** The client's own log level for this request. */
  readonly logLevel?: LogLevel;
  /** The client's W3C `traceparent`, already found valid (see `validTraceparent`). */
  readonly traceparent?: string;
}

/**
 * What one inference went through, written down as it happens and read once at its end by metrics, log and traces.
 * Times are the clock's milliseconds.
 *
 * Who calls what: http creates it on arrival, calls `bodyRead` once, calls the dispatcher inside `run`, calls `waiting` before
 * and `received` after each `Exchange.read()`, and `end`; the dispatcher sets `model` and calls `enter` for `queue`, `load`
 * and `prefill`.
 */
export class Timeline {
  readonly requestId: string;
  readonly logLevel: LogLevel | undefined;
  readonly arrivedAt: number;
  /** When it arrived, in milliseconds since the Unix epoch. */
  readonly arrivedWallTime: number;
  /** The model's id once it is known to the registry; a client cannot put a word of its own here. */
  model: string | undefined;
  /** The path of its route, and the client's address. */
  path = "";
  address = "";
  /** Whose it is, see `publicName`, and the class that it was given. */
  client = "other";
  priority: Priority = "default";
  /** Slots that it held, times the ms for which it held them. */
  slotMs = 0;
  /** The name of the llama-server that it was sent to last. */
  server: string | undefined;
  /** Why it was sent there, and how much of its prompt was expected in the cache. */
  placement: { readonly reason: string; readonly expectedTokens: number } | undefined;
  /** Called when the first fragment comes. */
  onFirstToken: (() => void) | undefined;
  /** The `traceparent` to send to llama-server: the client's; none where tracing is on, as Deno's fetch sends its own. */
  traceparent: string | undefined;
  /** Set by tracing, see `run`. */
  inContext: (<T>(work: () => T) => T) | undefined;
  /** The stage the request is in; after `end`, the stage it ended in. */
  stage: Stage = "queue";
  /** Every stay in a stage, in order. */
  readonly spans: StageSpan[] = [];
  /** Fragments received. */
  fragments = 0;
  /** How far llama-server is with the prompt, in tokens, where it says so. */
  prefill: { readonly processed: number; readonly total: number } | undefined;
  /** When the first fragment came. */
  firstTokenAt: number | undefined;
  /** Times between one fragment and the next, filled per chunk. */
  readonly gaps = new BucketCounts();
  /** When it ended. */
  endedAt: number | undefined;
  readonly #clock: Clock;
  #bodyReadAt: number;
  #waited = 0;
  #waitingSince = -1;
  #lastFragmentAt = 0;

  constructor(requestId: string, clock: Clock, options: TimelineOptions = {}) {
    this.requestId = requestId;
    this.logLevel = options.logLevel;
    this.traceparent = options.traceparent;
    this.#clock = clock;
    this.arrivedAt = clock.now();
    this.arrivedWallTime = clock.wallTime();
    this.#bodyReadAt = this.arrivedAt;
  }

  /** The request's body is here: from now on it is modeld that takes the time, not the client. */
  bodyRead(): void {
    this.#bodyReadAt = this.#clock.now();
  }

  /**
   * Does the work as part of this inference: what it sends to llama-server belongs to the inference's trace. Without
   * tracing it just does it.
   */
  run<T>(work: () => T): T {
    return this.inContext === undefined ? work() : this.inContext(work);
  }

  /**
   * Ends the present stage, if any, and starts the next; a stage may be entered again later, its times add up. `stream`
   * needs no call: the first fragment enters it.
   */
  enter(stage: Stage): void {
    this.#enterAt(stage, this.#clock.now());
    this.waiting();
  }

  /** modeld now waits for llama-server. Does nothing while it waits already. */
  waiting(): void {
    if (this.#waitingSince < 0) this.#waitingSince = this.#clock.now();
  }

  /** The wait is over and brought that many fragments at once; 0 where the completion came alone. */
  received(fragments: number): void {
    const now = this.#clock.now();
    this.#stopWaiting(now);
    if (fragments === 0) return;
    if (this.firstTokenAt === undefined) {
      this.firstTokenAt = now;
      this.#enterAt("stream", now);
      this.onFirstToken?.();
      this.onFirstToken = undefined;
    } else {
      this.gaps.observe(now - this.#lastFragmentAt);
    }
    if (fragments > 1) this.gaps.observe(0, fragments - 1);
    this.#lastFragmentAt = now;
    this.fragments += fragments;
  }

  /** The last line is written, or there is nobody to write to. Later calls do nothing. */
  end(): void {
    if (this.endedAt !== undefined) return;
    const now = this.#clock.now();
    this.#stopWaiting(now);
    this.#endSpan(now);
    this.endedAt = now;
  }

  /** Whether llama-server may have begun to generate. */
  get begun(): "no" | "maybe" {
    return this.stage === "queue" || this.stage === "load" ? "no" : "maybe";
  }

  /** Milliseconds spent in the stage; a stay that lasts is not counted. */
  spent(stage: Stage): number {
    let total = 0;
    for (const span of this.spans) {
      if (span.stage === stage && span.endedAt !== undefined) total += span.endedAt - span.startedAt;
    }
    return total;
  }

  /** Milliseconds from arrival to the end, or to now while it lasts. */
  get total(): number {
    return (this.endedAt ?? this.#clock.now()) - this.arrivedAt;
  }

  /** Milliseconds from arrival to the first fragment. */
  get timeToFirstToken(): number | undefined {
    return this.firstTokenAt === undefined ? undefined : this.firstTokenAt - this.arrivedAt;
  }

  /**
   * Milliseconds that modeld itself cost, known after `end`: the time from the body's last byte to the end, minus the time
   * it waited for llama-server (for a slot, a load, a token).
   */
  get overhead(): number {
    return Math.max(0, (this.endedAt ?? this.#clock.now()) - this.#bodyReadAt - this.#waited);
  }

  #enterAt(stage: Stage, now: number): void {
    if (this.spans.length > 0 && this.stage === stage) return;
    this.#endSpan(now);
    this.stage = stage;
    this.spans.push({ stage, startedAt: now });
  }

  #endSpan(now: number): void {
    const last = this.spans.at(-1);
    if (last !== undefined && last.endedAt === undefined) last.endedAt = now;
  }

  #stopWaiting(now: number): void {
    if (this.#waitingSince < 0) return;
    this.#waited += now - this.#waitingSince;
    this.#waitingSince = -1;
  }
}

/** Token counts, as llama-server reported them; zeros where it reported nothing. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly totalTokens: number;
}
