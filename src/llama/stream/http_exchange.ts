import type { AbortScope } from "../../base/abort.ts";
import type { Timer } from "../../base/clock.ts";
import type { Deadlines } from "../../base/deadlines.ts";
import { ModeldError } from "../../base/errors.ts";
import type { ByteStream } from "../connection/byte_stream.ts";
import type { Failures } from "../failures.ts";
import type { Completion, Ending, EventBatch, Exchange } from "../exchange.ts";
import type { Decoded, DecodedBatch, DecodedEvent, Decoder } from "./decoder.ts";
import type { SilenceWatch } from "./silence_watch.ts";

/** How long a terminal event may take once every choice has its finish reason, in ms (`design.md`, decision 7). */
export const TERMINAL_EVENT_DELAY = 2_000;

/** How many bytes are read ahead of the reader once every choice has its finish reason. */
const READ_AHEAD_LIMIT = 64 * 1024;

/** What an exchange takes over when the headers of the answer are here; it releases all of it when it ends. */
export interface HttpExchangeParts {
  readonly contentType: string;
  readonly isStream: boolean;
  readonly bytes: ByteStream;
  /** Aborts when the request's signal does, and when a deadline has passed. */
  readonly scope: AbortScope;
  /** The request's own signal. */
  readonly signal: AbortSignal;
  readonly silence: SilenceWatch;
  readonly failures: Failures;
  /** Of `TERMINAL_EVENT_DELAY`. Every whole answer sets one, so all exchanges share them. */
  readonly terminalDeadlines: Deadlines;
}

/** An exchange that is read from the body of an HTTP response. */
export class HttpExchange implements Exchange {
  readonly contentType: string;
  readonly isStream: boolean;
  readonly #bytes: ByteStream;
  readonly #scope: AbortScope;
  readonly #signal: AbortSignal;
  readonly #silence: SilenceWatch;
  readonly #failures: Failures;
  readonly #terminalDeadlines: Deadlines;
  readonly #decoder: Decoder;
  #ending: Ending | undefined;
  #onEnd: ((ending: Ending) => void) | undefined;
  /** What was read ahead and not yet handed on. */
  readonly #ready: DecodedBatch[] = [];
  /** Runs while the end of a finished answer is read ahead. */
  #readingAhead: Promise<void> | undefined;
  #terminalTimer: Timer | undefined;

  /** @param decoderFor makes the decoder; the function is to be called when a view cannot be understood */
  constructor(parts: HttpExchangeParts, decoderFor: (onMisread: (error: ModeldError) => void) => Decoder) {
    this.contentType = parts.contentType;
    this.isStream = parts.isStream;
    this.#bytes = parts.bytes;
    this.#scope = parts.scope;
    this.#signal = parts.signal;
    this.#silence = parts.silence;
    this.#failures = parts.failures;
    this.#terminalDeadlines = parts.terminalDeadlines;
    this.#decoder = decoderFor((error) => this.#end({ kind: "failed", error }));
    this.#silence.pause();
    this.#scope.signal.addEventListener("abort", this.#aborted, { once: true });
    if (this.#scope.signal.aborted) this.#aborted();
  }

  get completion(): Completion | undefined {
    return this.#ending?.kind === "completed" ? this.#ending.completion : undefined;
  }

  // Not async, like what it calls: each await in a token's way costs a quarter of a microsecond.
  read(): Promise<EventBatch | undefined> {
    if (this.#readingAhead !== undefined && this.#ready.length === 0) {
      return this.#readingAhead.then(() => this.#ready.shift() ?? this.#atEnd());
    }
    const batch = this.#ready.shift();
    return batch === undefined ? this.#readBatch() : Promise.resolve(batch);
  }

  cancel(): void {
    this.#end({ kind: "cancelled" });
  }

  onEnd(callback: (ending: Ending) => void): void {
    if (this.#ending === undefined) this.#onEnd = callback;
    else callback(this.#ending);
  }

  /** Reads until there is a batch, or an end. */
  async #readBatch(): Promise<DecodedBatch | undefined> {
    while (this.#ending === undefined) {
      if (!this.#decoder.isFinished) this.#silence.wait();
      let decoded: Decoded;
      try {
        const bytes = await this.#bytes.read();
        if (this.#ending !== undefined) break;
        decoded = bytes === undefined ? this.#decoder.finish() : this.#decoder.push(bytes);
      } catch (error) {
        if (this.#ending !== undefined) break;
        decoded = this.#broken(error);
      }
      const { batch, end } = decoded;
      if (batch !== undefined) this.#take(batch);
      if (end instanceof ModeldError) this.#end({ kind: "failed", error: end });
      else if (end !== undefined) this.#end({ kind: "completed", completion: end });
      else if (this.#terminalTimer === undefined && this.#decoder.isFinished) this.#awaitTerminalEvent();
      if (batch !== undefined) return batch;
    }
    return this.#atEnd();
  }

  /** @throws the error that it failed with, or the reason of its signal. */
  #atEnd(): undefined {
    if (this.#ending?.kind === "failed") throw this.#ending.error;
    if (this.#ending?.kind !== "cancelled") return undefined;
    this.#signal.throwIfAborted();
    throw new ModeldError("cancelled", "the answer was given up");
  }

  /** @throws an error that is modeld's own. */
  #broken(error: unknown): Decoded {
    if (error instanceof ModeldError) return error.kind === "truncated" ? this.#decoder.finish(error) : { end: error };
    this.cancel();
    throw error;
  }

  #take(batch: DecodedBatch): void {
    if (this.#decoder.isFinished) batch.keep();
    if (!this.#silence.awaitsFirstToken) this.#silence.pause();
    else if (!this.isStream || batch.events.some(isToken)) this.#silence.firstTokenArrived();
    else this.#silence.pause();
  }

  /**
   * Every choice has its finish reason: what still comes is a few hundred bytes, soon. They are read ahead, so that a slow
   * reader neither keeps the exchange open nor loses them when the time has passed.
   */
  #awaitTerminalEvent(): void {
    this.#silence.release();
    this.#terminalTimer = this.#terminalDeadlines.set(() =>
      this.#end({ kind: "completed", completion: this.#decoder.completion })
    );
    this.#readingAhead = this.#readAhead();
  }

  async #readAhead(): Promise<void> {
    for (let length = 0; this.#ending === undefined && length < READ_AHEAD_LIMIT;) {
      try {
        const batch = await this.#readBatch();
        if (batch === undefined || this.#isCancelled) break;
        this.#ready.push(batch);
        length += batch.bytes.length;
      } catch (error) {
        // Why the exchange ended is what the reader gets once it has read what came before.
        if (!(error instanceof ModeldError) && error !== this.#signal.reason) throw error;
      }
    }
    this.#readingAhead = undefined;
  }

  get #isCancelled(): boolean {
    return this.#ending?.kind === "cancelled";
  }

  readonly #aborted = (): void => {
    const { reason } = this.#scope.signal;
    const isOwn = reason instanceof ModeldError && !(this.#signal.aborted && this.#signal.reason === reason);
    this.#end(isOwn ? { kind: "failed", error: reason } : { kind: "cancelled" });
  };

  #end(ending: Ending): void {
    if (this.#ending !== undefined) return;
    if (ending.kind === "failed") ending = { kind: "failed", error: this.#failures.masked(ending.error) };
    this.#ending = ending;
    if (ending.kind === "cancelled") this.#ready.length = 0;
    this.#terminalTimer?.clear();
    this.#silence.release();
    this.#scope.signal.removeEventListener("abort", this.#aborted);
    this.#bytes.close();
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    onEnd?.(ending);
  }
}

/** Whether the event carries a piece of the answer. One that is of no known kind may do so. */
function isToken(event: DecodedEvent): boolean {
  if (event.kind === "comment") return false;
  try {
    const { text, reasoning, isToolCall } = event.peek();
    return text !== "" || reasoning !== "" || isToolCall;
  } catch (error) {
    if (error instanceof ModeldError) return true;
    throw error;
  }
}
