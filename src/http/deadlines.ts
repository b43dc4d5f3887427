import type { Clock, Timer } from "../clock.ts";

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
  readonly #pending = new Set<Deadline>();
  #timer: Timer | undefined;

  /** @param ms their length in milliseconds; 0: they never pass */
  constructor(ms: number, clock: Clock) {
    this.ms = ms;
    this.#clock = clock;
  }

  /** Calls `fire` once the deadline, counted from now, has passed, unless it is cleared before. */
  set(fire: () => void): Timer {
    if (this.ms === 0) return { clear() {} };
    const deadline = { at: this.#clock.now() + this.ms, fire };
    this.#pending.add(deadline);
    this.#timer ??= this.#clock.after(this.ms, this.#check);
    return { clear: () => void this.#pending.delete(deadline) };
  }

  /** Forgets those that are pending, and releases the timer. */
  close(): void {
    this.#pending.clear();
    this.#timer?.clear();
    this.#timer = undefined;
  }

  readonly #check = () => {
    this.#timer = undefined;
    const now = this.#clock.now();
    const passed: Deadline[] = [];
    for (const deadline of this.#pending) {
      if (deadline.at > now) {
        this.#timer = this.#clock.after(deadline.at - now, this.#check);
        break;
      }
      this.#pending.delete(deadline);
      passed.push(deadline);
    }
    for (const { fire } of passed) fire();
  };
}
