import type { Clock, Timer } from "../../base/clock.ts";
import { ModeldError } from "../../base/errors.ts";
import type { Chunk, Generation } from "../../llama/adapter.ts";
import type { Deadlines } from "../../base/deadlines.ts";
import { asModeldError } from "../error_reply.ts";
import type { Inference } from "../inference.ts";
import { errorLine, finalLine, tokenLines } from "../api/infer/ndjson.ts";
import { nextChunk } from "../infer/next_chunk.ts";

/** What a token stream is given beside its generation. */
export interface TokenStreamOptions {
  readonly clock: Clock;
  /** Without the client taking a byte. */
  readonly writeDeadlines: Deadlines;
  /** Told of the lines as they leave, where the request is logged at debug. */
  readonly onLines?: ((lines: string) => void) | undefined;
}

/** Characters that may wait for the client before reading from llama-server stops. */
const READ_AHEAD = 65536;

/** A chunk within this many milliseconds of the last write is part of a burst: no single stream is meant to be so fast. */
const BURST_MS = 0.5;

/** So long a burst is gathered; the shortest that a timer takes. */
const GATHER_MS = 1;

const utf8 = new TextEncoder();

/**
 * The NDJSON body of a streamed reply: the lines of `first`, of what the generation still brings, and the final or the
 * error line. Ends the inference when the client has taken the last line, or takes none for too long.
 */
export function tokenStream(
  first: Chunk,
  generation: Generation,
  inference: Inference,
  options: TokenStreamOptions,
): ReadableStream<Uint8Array> {
  return new ReadableStream(new TokenSource(first, generation, inference, options), { highWaterMark: 0 });
}

/**
 * Two ends that meet in `#lines`: one receives from llama-server, at most `READ_AHEAD` ahead; the other writes when the
 * client has taken what was written before. A chunk that comes alone leaves at once. In a burst a write waits a little, so
 * that what is ready by then leaves with it; the last line waits for nothing.
 */
class TokenSource implements UnderlyingDefaultSource<Uint8Array> {
  readonly #generation: Generation;
  readonly #inference: Inference;
  readonly #options: TokenStreamOptions;
  /** Received, not yet written. */
  #lines = "";
  #content = "";
  /** Says how it ended; set when nothing more will be received. */
  #settle: (() => void) | undefined;
  #wakeReceive: (() => void) | undefined;
  /** Whether the client has taken everything that was written, and asks for more. */
  #taken = true;
  #closed = false;
  #wroteAt = -Infinity;
  #gathering: ReturnType<typeof setTimeout> | undefined;
  #writeDeadline: Timer | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(first: Chunk, generation: Generation, inference: Inference, options: TokenStreamOptions) {
    this.#generation = generation;
    this.#inference = inference;
    this.#options = options;
    inference.onEnd(() => this.#release());
    this.#receive(first);
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    this.#watchClient();
  }

  /** Returns at once, whether or not there is something to write: what arrives later is written when it does. */
  pull(): void {
    this.#taken = true;
    this.#writeOrGather();
  }

  cancel(): void {
    this.#inference.clientLeft();
  }

  /** To be called when lines have come, when the end is known, and when the client asks for more. */
  #writeOrGather(): void {
    if (!this.#taken || this.#inference.ended) return;
    if (this.#settle !== undefined) return this.#write();
    if (this.#lines === "" || this.#gathering !== undefined) return;
    if (this.#options.clock.now() - this.#wroteAt >= BURST_MS) return this.#write();
    // `fetch` hands over one chunk a turn of the event loop, however many have come: the end of the turn would be too soon.
    this.#gathering = setTimeout(this.#write, GATHER_MS);
  }

  /** Writes the lines that are there, or closes where there were none and there will be none; if the client asks for it. */
  readonly #write = (): void => {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    // Also because Deno 2.6 calls a timer that was cleared in the turn of the event loop in which it was due.
    if (this.#controller === undefined || !this.#taken || this.#inference.ended) return;
    const lines = this.#lines;
    if (lines !== "") {
      this.#lines = "";
      this.#taken = false;
      this.#wroteAt = this.#options.clock.now();
      this.#controller.enqueue(utf8.encode(lines));
      this.#options.onLines?.(lines);
      this.#wakeReceive?.();
    } else if (this.#settle !== undefined) {
      this.#closed = true;
      this.#controller.close();
      this.#settle();
    }
  };

  async #receive(chunk: Chunk): Promise<void> {
    try {
      while (chunk.completion === undefined) {
        this.#add(chunk.fragments);
        this.#writeOrGather();
        if (this.#lines.length > READ_AHEAD) await this.#untilWritten();
        chunk = await nextChunk(this.#generation, this.#inference.timeline);
      }
      this.#add(chunk.fragments);
      const { completion } = chunk;
      this.#lines += finalLine(this.#content, completion);
      // Not assigned where it is written: V8 makes a function that is assigned to a property old from the start.
      const settle = () => this.#inference.complete(completion);
      this.#settle = settle;
    } catch (error) {
      const failure = asModeldError(error);
      this.#inference.abort(failure);
      this.#lines += errorLine(failure);
      const settle = () => this.#inference.fail(failure);
      this.#settle = settle;
    }
    this.#writeOrGather();
  }

  /** Waits for the client to take what is there. That is no time that modeld itself cost. */
  #untilWritten(): Promise<void> {
    this.#inference.timeline.waiting();
    return new Promise((resolve) => this.#wakeReceive = resolve);
  }

  #add(fragments: readonly string[]): void {
    this.#lines += tokenLines(fragments);
    for (const fragment of fragments) this.#content += fragment;
  }

  /** Looks at the deadline only when it may have passed, so that a token costs it nothing. */
  #watchClient(): void {
    const { clock, writeDeadlines } = this.#options;
    const check = () => {
      const left = this.#taken ? writeDeadlines.ms : this.#wroteAt + writeDeadlines.ms - clock.now();
      if (left > 0) {
        this.#writeDeadline = clock.after(left, check);
        return;
      }
      const message = `the client took nothing for ${writeDeadlines.ms} ms (--write-timeout)`;
      this.#inference.abort(new ModeldError("write_timeout", message));
      this.#inference.fail(asModeldError(this.#inference.signal.reason));
    };
    this.#writeDeadline = writeDeadlines.set(check);
  }

  /** Unless the stream is closed already, it is cut: no terminator, so that no client takes it for whole. */
  #release(): void {
    this.#writeDeadline?.clear();
    if (!this.#closed) this.#controller?.error(new ModeldError("cancelled", "the stream was cut"));
    clearTimeout(this.#gathering);
    this.#wakeReceive?.();
  }
}
