/** A timer that has been set; `clear` is safe to call at any time, also after it fired. */
export interface Timer {
  clear(): void;
}

/** Time as modeld sees it. Injected, so that tests decide what time it is and nothing waits for real. */
export interface Clock {
  /** Milliseconds since an arbitrary point; never goes back. For durations. */
  now(): number;
  /** Milliseconds since the Unix epoch. For what people and other programs read. */
  wallTime(): number;
  /** Calls `fire` once, `ms` milliseconds from now (at once when that has passed), unless the timer is cleared first. */
  after(ms: number, fire: () => void): Timer;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(ms, fire) {
    // Below zero, the platform would write a warning to stderr, amid the log.
    const id = setTimeout(fire, Math.max(0, ms));
    return { clear: () => clearTimeout(id) };
  },
};

/** Waits `ms` milliseconds, or until the signal is aborted. */
export async function sleep(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = () => resolve();
  const timer = clock.after(ms, wake);
  signal.addEventListener("abort", wake);
  await promise;
  timer.clear();
  signal.removeEventListener("abort", wake);
}
