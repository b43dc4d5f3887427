import type { Clock } from "../../base/clock.ts";

/** A deadline is at most this fraction of itself late. */
const SLICES = 64;

/** The longest delay a timer takes, in ms (about 25 days). */
const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * Deadlines of one length as `AbortSignal.timeout`s, which stay in memory until they fire. Requests that begin within the
 * same 64th of the length share one, so there are never more than 65 alive, at any request rate and for any length.
 */
export class SharedDeadline {
  readonly ms: number;
  readonly #slice: number;
  readonly #clock: Clock;
  #signal: AbortSignal | undefined;
  #sharedUntil = -Infinity;

  /** @param ms how long the deadline is; more than 25 days counts as 25 days. */
  constructor(ms: number, clock: Clock) {
    this.ms = Math.min(ms, LONGEST_DELAY);
    this.#slice = Math.ceil(this.ms / SLICES);
    this.#clock = clock;
  }

  /** A signal that fires when the deadline, counted from now, has passed: never early, at most 1/64 late. */
  start(): AbortSignal {
    const now = this.#clock.now();
    if (this.#signal === undefined || now >= this.#sharedUntil) {
      this.#signal = AbortSignal.timeout(Math.min(this.ms + this.#slice, LONGEST_DELAY));
      this.#sharedUntil = now + this.#slice;
    }
    return this.#signal;
  }
}
