import type { Clock } from "../../base/clock.ts";
import { Deadlines } from "../../base/deadlines.ts";
import { AbortScope } from "../../base/abort.ts";
import { SharedDeadline } from "./shared_deadline.ts";

/** How long a request may be without an answer before it is worth asking whether the server can be reached, in ms. */
const PATIENCE = 200;

/**
 * Bounds reaching the server, never its thinking. `fetch` does not say when it has connected, and llama-server may send
 * nothing before the first token. So a request that has been without an answer for a moment is joined by a plain TCP
 * connection to the same address: when that connects, the server is there and may think as long as it likes.
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

  /** Gives its timer back; nothing is watched any more. */
  close(): void {
    this.#patience.close();
  }

  async #connects(scope: AbortScope): Promise<boolean> {
    try {
      const connection = await Deno.connect({ ...this.#address, signal: scope.signal });
      connection.close();
      return true;
    } catch {
      return false; // refused or unresolvable is what the request finds by itself, and says better
    } finally {
      scope.release();
    }
  }
}
