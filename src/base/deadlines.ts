import type { Clock, Timer } from "./clock.ts";
import { LinkedList } from "./list.ts";

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

/** The platform's timers fire at once when they are set for longer than this, in ms. */
const LONGEST = 2 ** 31 - 1;

/**
 * One timer for a deadline that moves often. It is set anew only for an earlier deadline: for a later one it fires when the
 * old one would have, for nothing, and is then moved. So what comes and goes without waiting costs no timer.
 */
export class MovingDeadline {
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
