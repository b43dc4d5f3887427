import type { Clock } from "../base/clock.ts";
import { ModeldError, shuttingDown } from "../base/errors.ts";

/** The calls that the manager itself makes to llama-server: each bounded in time, all of them ended by `close`. */
export class ServerCalls {
  readonly #clock: Clock;
  readonly #running = new Map<AbortController, Promise<unknown>>();
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Makes one call, of at most `ms` milliseconds, 0 = no limit. `purpose` completes "llama-server did not ...".
   *
   * @throws ModeldError: the call's own, `unreachable` when its time is over, `shutting_down` after `close`.
   */
  run<T>(purpose: string, ms: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(shuttingDown());
    const controller = new AbortController();
    const timer = ms > 0
      ? this.#clock.after(ms, () => {
        controller.abort(new ModeldError("unreachable", `llama-server did not ${purpose} within ${ms} ms`));
      })
      : undefined;
    const result = call(controller.signal).catch(rethrow).finally(() => {
      timer?.clear();
      controller.abort(); // of several questions at once, one may have failed and left the others
      this.#running.delete(controller);
    });
    this.#running.set(controller, result);
    return result;
  }

  /** Ends all calls; resolves when none is left. */
  async close(): Promise<void> {
    this.#closed = true;
    const results = [...this.#running.values()];
    for (const controller of this.#running.keys()) controller.abort(shuttingDown());
    await Promise.allSettled(results);
  }
}

function rethrow(error: unknown): never {
  throw asModeldError(error);
}

/** The error itself where it is one of modeld's; else one that carries it. */
export function asModeldError(error: unknown): ModeldError {
  if (error instanceof ModeldError) return error;
  return new ModeldError("upstream_error", error instanceof Error ? error.message : String(error), { cause: error });
}
