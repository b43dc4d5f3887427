import { AbortScope } from "../../base/abort.ts";
import type { Clock } from "../../base/clock.ts";
import { Deadlines, LONGEST_DELAY } from "../../base/deadlines.ts";

/** A shared deadline is at most this fraction of itself late. */
const SLICES = 64;

/**
 * Deadlines of one length as `AbortSignal.timeout`s, which stay in memory until they fire. Requests that begin within the
 * same 64th of the length share one, so there are never more than 65 alive, at any request rate and for any length.
 */
export class SharedDeadline {
  /** In ms; 0 is none. */
  readonly ms: number;
  readonly #slice: number;
  readonly #clock: Clock;
  #signal: AbortSignal | undefined;
  #sharedUntil = -Infinity;

  /** @param ms how long the deadline is; more than 25 days counts as 25 days. */
  constructor(ms: number, clock: Clock) {
    this.ms = Math.min(ms, LONGEST_DELAY);
    this.#slice = Math.ceil(this.ms / SLICES);
    this.#clock = clock;
  }

  /** A signal that fires when the deadline, counted from now, has passed: never early, at most 1/64 late. */
  start(): AbortSignal {
    const now = this.#clock.now();
    if (this.#signal === undefined || now >= this.#sharedUntil) {
      this.#signal = AbortSignal.timeout(Math.min(this.ms + this.#slice, LONGEST_DELAY));
      this.#sharedUntil = now + this.#slice;
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
  readonly #patience: Deadlines;

  /** @param ms how long connecting may take; 0 is for ever. */
  constructor(url: URL, ms: number, clock: Clock) {
    this.#address = {
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port: Number(url.port) || (url.protocol === "https:" ? 443 : 80),
    };
    this.#deadline = new SharedDeadline(ms, clock);
    this.#patience = new Deadlines(Math.min(PATIENCE, this.#deadline.ms / 2), clock);
  }

  /** Watches until the returned function is called; calls `unreachable` when the deadline has passed first. */
  start(unreachable: () => void): () => void {
    if (this.#deadline.ms === 0) return () => {};
    const deadline = this.#deadline.start();
    let probe: AbortScope | undefined;
    const timer = this.#patience.set(async () => {
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
