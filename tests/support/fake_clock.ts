import type { Clock, Timer } from "../../src/base/clock.ts";

interface Pending {
  readonly at: number;
  readonly fire: () => void;
}

/** Time that moves only when a test says so. */
export class FakeClock implements Clock {
  readonly #epoch: number;
  readonly #pending = new Set<Pending>();
  #now = 0;

  /** @param epoch what `wallTime` answers at the start, in ms since 1970. */
  constructor(epoch = Date.UTC(2026, 0, 1)) {
    this.#epoch = epoch;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#epoch + this.#now;
  }

  after(ms: number, fire: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, ms), fire };
    this.#pending.add(timer);
    return { clear: () => void this.#pending.delete(timer) };
  }

  /** Timers that are set and have neither fired nor been cleared. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /** Moves time on by `ms`; fires what falls due on the way, in order, at its own time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#nextDue(end); next !== undefined; next = this.#nextDue(end)) {
      this.#pending.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.fire();
    }
    this.#now = end;
  }

  /** As `advance`, and then lets promises that were waiting for it run. */
  async tick(ms: number): Promise<void> {
    this.advance(ms);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }

  #nextDue(end: number): Pending | undefined {
    let first: Pending | undefined;
    for (const timer of this.#pending) {
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
    }
    return first;
  }
}
