import type { Clock } from "../base/clock.ts";
import type { LifecycleEvent } from "../upstream/lifecycle.ts";
import { getLogger } from "../telemetry/log.ts";

const log = getLogger("events");
const encoder = new TextEncoder();

/** How many events may wait for a reader that does not read; what comes then is dropped. */
const longestBacklog = 1_000;

/** Where lines go. */
export interface LineSink {
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * Lifecycle events as JSON lines, in order. Never holds up the daemon: a reader that is slow is waited for beside it, and
 * one that is gone ends the writing, with a warning.
 */
export class EventLines {
  readonly #sink: LineSink;
  #backlog = 0;
  #isBroken = false;
  #isDropping = false;
  #written: Promise<void> = Promise.resolve();

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  /** Adds one event. */
  add(event: LifecycleEvent): void {
    if (this.#isBroken || this.#isFull()) return;
    this.#backlog++;
    const line = encoder.encode(`${JSON.stringify(event)}\n`);
    this.#written = this.#written.then(() => this.#write(line)).finally(() => this.#backlog--);
  }

  /** Resolves when everything so far is written, or `timeoutMs` have passed. */
  async flush(timeoutMs: number, clock: Clock): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = clock.after(timeoutMs, resolve);
    await Promise.race([this.#written, promise]);
    timer.clear();
  }

  #isFull(): boolean {
    const isFull = this.#backlog >= longestBacklog;
    if (isFull && !this.#isDropping) log.warn("nobody reads the events on stdout: some are dropped");
    this.#isDropping = isFull;
    return isFull;
  }

  async #write(line: Uint8Array): Promise<void> {
    try {
      for (let sent = 0; sent < line.length && !this.#isBroken;) sent += await this.#sink.write(line.subarray(sent));
    } catch (error) {
      this.#isBroken = true;
      log.warn("events can no longer be written to stdout", { error });
    }
  }
}
