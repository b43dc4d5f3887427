import { ModeldError } from "../../errors.ts";
import type { Chunk, Generation } from "../../llama/adapter.ts";
import type { ByteShare } from "../byte_budget.ts";
import { asModeldError } from "../error_reply.ts";
import { AnswerText } from "./answer_text.ts";
import type { Inference } from "./inference.ts";
import { errorLine, finalLine, inPieces, shownOf, tokenLines } from "./ndjson.ts";
import { nextChunk } from "./next_chunk.ts";
import { WriteWatch, type WriteWatchOptions } from "./write_watch.ts";

/** What a token stream is given beside its generation. */
export interface TokenStreamOptions extends WriteWatchOptions {
  /** Bytes of text that an answer may have. */
  readonly maxAnswerBytes: number;
  /** What it keeps counts there. */
  readonly share: ByteShare;
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
  readonly #watch: WriteWatch;
  readonly #content: AnswerText;
  /** Received, not yet written. */
  #lines = "";
  /** The end of the reply, once it is known: pieces to be written after the lines, the first one last. */
  #last: Uint8Array<ArrayBuffer>[] = [];
  /** Says how it ended; set when nothing more will be received. */
  #settle: (() => void) | undefined;
  #wakeReceive: (() => void) | undefined;
  #closed = false;
  #gathering: ReturnType<typeof setTimeout> | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(first: Chunk, generation: Generation, inference: Inference, options: TokenStreamOptions) {
    this.#generation = generation;
    this.#inference = inference;
    this.#options = options;
    this.#watch = new WriteWatch(inference, options);
    this.#content = new AnswerText(options.maxAnswerBytes, options.share);
    inference.onEnd(() => this.#release());
    this.#receive(first);
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    this.#watch.start();
  }

  /** Returns at once, whether or not there is something to write: what arrives later is written when it does. */
  pull(): void {
    this.#watch.taken = true;
    this.#writeOrGather();
  }

  cancel(): void {
    this.#inference.clientLeft();
  }

  /** To be called when lines have come, when the end is known, and when the client asks for more. */
  #writeOrGather(): void {
    if (!this.#watch.taken || this.#inference.ended) return;
    if (this.#settle !== undefined) return this.#write();
    if (this.#lines === "" || this.#gathering !== undefined) return;
    if (this.#options.clock.now() - this.#watch.wroteAt >= BURST_MS) return this.#write();
    // `fetch` hands over one chunk a turn of the event loop, however many have come: the end of the turn would be too soon.
    this.#gathering = setTimeout(this.#write, GATHER_MS);
  }

  /** Writes what is there, or closes where there was nothing and there will be nothing; if the client asks for it. */
  readonly #write = (): void => {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    // Also because Deno 2.6 calls a timer that was cleared in the turn of the event loop in which it was due.
    if (this.#controller === undefined || !this.#watch.taken || this.#inference.ended) return;
    const bytes = this.#lines === "" ? this.#last.pop() : this.#takeLines();
    if (bytes !== undefined) {
      this.#watch.wrote();
      this.#controller.enqueue(bytes);
      this.#wakeReceive?.();
    } else if (this.#settle !== undefined) {
      this.#closed = true;
      this.#controller.close();
      this.#settle();
    }
  };

  #takeLines(): Uint8Array<ArrayBuffer> {
    const lines = this.#lines;
    this.#lines = "";
    if (lines !== "") this.#options.onLines?.(lines);
    return utf8.encode(lines);
  }

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
      const line = finalLine(this.#content, completion);
      this.#last = inPieces([this.#takeLines(), ...line]).reverse();
      this.#options.onLines?.(shownOf(line));
      // Not assigned where it is written: V8 makes a function that is assigned to a property old from the start.
      const settle = () => this.#inference.complete(completion);
      this.#settle = settle;
    } catch (error) {
      const failure = asModeldError(error);
      this.#inference.abort(failure);
      this.#generation.cancel(); // it may be modeld's own limit that ended it
      this.#lines += errorLine(failure);
      const settle = () => this.#inference.fail(failure);
      this.#settle = settle;
    }
    this.#writeOrGather();
  }

  /** Waits for the client to take what is there. That is no time that modeld itself cost. */
  async #untilWritten(): Promise<void> {
    const { share } = this.#options;
    const waiting = this.#lines.length;
    share.take(waiting);
    this.#inference.timeline.waiting();
    await new Promise<void>((resolve) => this.#wakeReceive = resolve);
    share.give(waiting);
  }

  /** @throws ModeldError `answer_too_large`, `overloaded` */
  #add(fragments: readonly string[]): void {
    this.#content.add(fragments);
    this.#lines += tokenLines(fragments);
  }

  /** Unless the stream is closed already, it is cut: no terminator, so that no client takes it for whole. */
  #release(): void {
    this.#watch.release();
    this.#last = [];
    if (!this.#closed) this.#controller?.error(new ModeldError("cancelled", "the stream was cut"));
    clearTimeout(this.#gathering);
    this.#wakeReceive?.();
  }
}
