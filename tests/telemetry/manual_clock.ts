import type { Clock } from "../../src/clock.ts";

/** A clock that stands still until a test moves it; it has no timers. */
export class ManualClock implements Clock {
  #now = 5_000;

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return 1_700_000_000_000 + this.#now;
  }

  after(): never {
    throw new Error("telemetry sets no timers");
  }

  pass(ms: number): void {
    this.#now += ms;
  }
}
