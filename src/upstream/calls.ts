import { AbortScope } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { ModeldError, shuttingDown } from "../base/errors.ts";

/** Bounds of a wait between tries, in ms. */
export interface BackOffBounds {
  readonly first: number;
  readonly longest: number;
}

/**
 * How long to wait after a number of failures in a row, in ms: doubles each time, with up to a quarter of jitter, so that
 * many who wait for the same thing do not come back at once.
 */
export function backOff(bounds: BackOffBounds, failures: number, random: () => number): number {
  const wait = Math.min(bounds.longest, bounds.first * 2 ** (failures - 1));
  return wait * (1 + random() / 4);
}

/** The calls that modeld itself makes to a llama-server: each bounded in time, all of them ended by `close`. */
export class ServerCalls {
  readonly #clock: Clock;
  readonly #running = new Map<AbortScope, Promise<unknown>>();
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Makes one call, of at most `ms` milliseconds, 0 = no limit. `purpose` completes "llama-server did not ...".
   *
   * @throws the call's own error, ModeldError `unreachable` when its time is over, `shutting_down` after `close`.
   */
  async run<T>(purpose: string, ms: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#closed) throw shuttingDown();
    const scope = new AbortScope();
    const timer = ms === 0 ? undefined : this.#clock.after(ms, () => {
      scope.abort(new ModeldError("unreachable", `llama-server did not ${purpose} within ${ms} ms`));
    });
    const result = call(scope.signal);
    this.#running.set(scope, result);
    try {
      return await result;
    } finally {
      timer?.clear();
      scope.abort("the call has ended"); // of several questions at once, one may have failed and left the others
      this.#running.delete(scope);
    }
  }

  /** Ends all calls; resolves when none is left. */
  async close(): Promise<void> {
    this.#closed = true;
    const results = [...this.#running.values()];
    for (const scope of this.#running.keys()) scope.abort(shuttingDown());
    await Promise.allSettled(results);
  }
}
