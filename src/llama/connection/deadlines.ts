import { AbortScope } from "../../base/abort.ts";
import type { Clock } from "../../base/clock.ts";
import { DeadlinesByLength, LONGEST_DELAY } from "../../base/deadlines.ts";

/** A shared deadline is at most this fraction of itself late. */
const SLICES = 64;

/**
 * Deadlines as `AbortSignal.timeout`s, which stay in memory until they fire. Requests that begin within the same 64th of
 * the length share one, so there are never more than 65 alive, at any request rate, while the length stays the same.
 */
export class SharedDeadline {
  readonly #clock: Clock;
  #ms = 0;
  #signal: AbortSignal | undefined;
  #sharedUntil = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * A signal that fires when the deadline, counted from now, has passed: never early, at most 1/64 late.
   *
   * @param ms how long the deadline is, above 0; more than 25 days counts as 25 days
   */
  start(ms: number): AbortSignal {
    const now = this.#clock.now();
    if (this.#signal === undefined || now >= this.#sharedUntil || ms !== this.#ms) {
      const slice = Math.ceil(ms / SLICES);
      this.#ms = ms;
      this.#signal = AbortSignal.timeout(Math.min(ms + slice, LONGEST_DELAY));
      this.#sharedUntil = now + slice;
    }
    return this.#signal;
  }
}

/** How long a request may be without an answer before modeld checks whether the server can be reached, in ms. */
const PATIENCE = 200;

/**
 * Bounds reaching the server, not the time until its answer. `fetch` does not say when it has connected, and llama-server
 * may send nothing before the first token. So for a request that has been without an answer for a moment, a plain TCP
 * connection to the same address is opened beside it: once that connects, the connect deadline no longer applies. Asking
 * before each request instead would add a round trip to all of them. A TLS handshake that stalls after the connection was
 * made is not bounded here, but by `--llama-timeout`.
 */
export class ConnectWatch {
  readonly #address: Deno.ConnectOptions;
  readonly #deadline: SharedDeadline;
  readonly #patience: DeadlinesByLength;

  constructor(url: URL, clock: Clock) {
    this.#address = {
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port: Number(url.port) || (url.protocol === "https:" ? 443 : 80),
    };
    this.#deadline = new SharedDeadline(clock);
    this.#patience = new DeadlinesByLength(clock);
  }

  /**
   * Watches until the returned function is called; calls `unreachable` when the deadline has passed first.
   *
   * @param ms how long connecting may take; 0 is for ever
   */
  start(ms: number, unreachable: () => void): () => void {
    if (ms === 0) return () => {};
    const deadline = this.#deadline.start(ms);
    let probe: AbortScope | undefined;
    const timer = this.#patience.of(Math.min(PATIENCE, ms / 2)).set(async () => {
      probe = new AbortScope();
      probe.follow(deadline);
      if (!await this.#connects(probe) && deadline.aborted) unreachable();
    });
    return () => {
      timer.clear();
      probe?.abort("answered");
    };
  }

  /** Releases its timer; nothing is watched any more. */
  close(): void {
    this.#patience.close();
  }

  async #connects(scope: AbortScope): Promise<boolean> {
    try {
      const connection = await Deno.connect({ ...this.#address, signal: scope.signal });
      connection.close();
      return true;
    } catch {
      return false; // the request itself finds that the address is refused or does not resolve, and reports it better
    } finally {
      scope.release();
    }
  }
}
