import type { Clock, Timer } from "../base/clock.ts";

/** The platform's timers fire at once when they are set for longer than this, in ms. */
const LONGEST = 2 ** 31 - 1;

/**
 * One timer for a deadline that moves often. It is set anew only for an earlier deadline: for a later one it fires when the
 * old one would have, for nothing, and is then moved. So what comes and goes without waiting costs no timer.
 */
export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #fire: () => void;
  #timer: Timer | undefined;
  #at = Infinity;

  /** @param fire called when the deadline may have passed; expected to call `moveTo` for the next. */
  constructor(clock: Clock, fire: () => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  /** Fires at this moment of the clock, or earlier; Infinity is never. */
  moveTo(at: number): void {
    if (at >= this.#at) return;
    this.#timer?.clear();
    this.#at = at;
    this.#timer = this.#clock.after(Math.min(LONGEST, at - this.#clock.now()), () => {
      this.#at = Infinity;
      this.#fire();
    });
  }

  clear(): void {
    this.#timer?.clear();
    this.#at = Infinity;
  }
}
