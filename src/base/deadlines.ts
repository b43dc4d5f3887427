import type { Clock, Timer } from "./clock.ts";
import { LinkedList } from "./list.ts";

/** The platform's timers fire at once when they are set for longer than this, in ms (about 25 days). */
export const LONGEST_DELAY = 2 ** 31 - 1;

interface Deadline {
  readonly at: number;
  readonly fire: () => void;
}

/**
 * Deadlines of one length. They pass in the order in which they were set, so one timer serves them all, and a request that
 * is done in time costs none.
 */
export class Deadlines {
  readonly ms: number;
  readonly #clock: Clock;
  readonly #pending = new LinkedList<Deadline>();
  #timer: Timer | undefined;

  /** @param ms their length in milliseconds; 0: they never pass */
  constructor(ms: number, clock: Clock) {
    this.ms = ms;
    this.#clock = clock;
  }

  /** Calls `fire` once the deadline, counted from now, has passed, unless it is cleared before. */
  set(fire: () => void): Timer {
    if (this.ms === 0) return { clear() {} };
    const deadline = this.#pending.add({ at: this.#clock.now() + this.ms, fire });
    this.#timer ??= this.#clock.after(this.ms, this.#check);
    return { clear: () => deadline.remove() };
  }

  /** Forgets those that are pending, and releases the timer. */
  close(): void {
    while (this.#pending.first !== undefined) this.#pending.removeFirst();
    this.#timer?.clear();
    this.#timer = undefined;
  }

  readonly #check = () => {
    this.#timer = undefined;
    const now = this.#clock.now();
    const passed: Deadline[] = [];
    for (let next = this.#pending.first; next !== undefined; next = this.#pending.first) {
      if (next.at > now) {
        this.#timer = this.#clock.after(next.at - now, this.#check);
        break;
      }
      this.#pending.removeFirst();
      passed.push(next);
    }
    for (const { fire } of passed) fire();
  };
}

/** Deadlines of several lengths, of each length one. */
export class DeadlinesByLength {
  readonly #clock: Clock;
  readonly #made = new Map<number, Deadlines>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param ms as `Deadlines` takes it */
  of(ms: number): Deadlines {
    const deadlines = this.#made.get(ms) ?? new Deadlines(ms, this.#clock);
    this.#made.set(ms, deadlines);
    return deadlines;
  }

  /** Releases their timers; none of them passes any more. */
  close(): void {
    for (const deadlines of this.#made.values()) deadlines.close();
  }
}

/**
 * One deadline that moves often. Its timer is set anew only for an earlier moment: for a later one it fires when the old one
 * would have, finds that the deadline has not passed, and is set again. So a deadline that keeps moving away, one token
 * after another, costs no timer each.
 */
export class MovingDeadline {
  readonly #clock: Clock;
  readonly #fire: () => void;
  #timer: Timer | undefined;
  #timerAt = Infinity;
  #at = Infinity;

  /** @param fire called when the deadline has passed; it may be moved again from there */
  constructor(clock: Clock, fire: () => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  /** Passes at this moment of the clock from now on; Infinity is never. */
  moveTo(at: number): void {
    this.#at = at;
    if (at < this.#timerAt) this.#setTimer();
  }

  /** Releases the timer; the deadline does not pass until it is moved again. */
  clear(): void {
    this.#timer?.clear();
    this.#timer = undefined;
    this.#timerAt = Infinity;
    this.#at = Infinity;
  }

  #setTimer(): void {
    this.#timer?.clear();
    const now = this.#clock.now();
    const delay = Math.min(LONGEST_DELAY, this.#at - now);
    this.#timerAt = now + delay;
    this.#timer = this.#clock.after(delay, this.#check);
  }

  readonly #check = (): void => {
    const at = this.#at;
    this.#timer = undefined;
    this.#timerAt = Infinity;
    if (at === Infinity) return;
    if (at > this.#clock.now()) return this.#setTimer();
    this.#at = Infinity;
    this.#fire();
  };
}
