import type { Clock, Timer } from "../../base/clock.ts";
import type { Deadlines } from "../../base/deadlines.ts";
import { ModeldError } from "../../base/errors.ts";
import type { Completion, EventBatch, Exchange } from "../../llama/exchange.ts";
import { asModeldError } from "../error_reply.ts";
import type { Inference } from "../inference.ts";
import type { Encoder } from "./encoder.ts";

/** What a reply needs beside its exchange. */
export interface StreamReplyOptions {
  readonly encoder: Encoder;
  readonly inference: Inference;
  readonly clock: Clock;
  /** Without the client taking a byte. */
  readonly writeDeadlines: Deadlines;
  /** Nothing is sent before the answer is complete, so that a failure at any time is a plain HTTP error. */
  readonly whole: boolean;
  /** After so long without anything to send the reply begins with a heartbeat, and goes on with one each time. */
  readonly heartbeats?: Deadlines | undefined;
  /**
   * Begins to add to the encoder what the client wants to know before the first fragment, and calls `write` each time. It
   * is cleared at the first fragment, or at the end.
   */
  readonly meanwhile?: ((write: () => void) => Timer) | undefined;
}

/** Bytes that may wait for the client before reading from llama-server stops; and that are written at once. */
const READ_AHEAD = 65536;

/** A batch within this many milliseconds of the last write is part of a burst: no single stream is meant to be so fast. */
const BURST_MS = 0.5;

/** So long a burst is gathered; the shortest that a timer takes. */
const GATHER_MS = 1;

/**
 * Answers with what an exchange brings. Resolves when there is something to send.
 *
 * @throws ModeldError where it fails before; the inference has then ended
 */
export function streamReply(open: () => Promise<Exchange>, options: StreamReplyOptions): Promise<Response> {
  return new StreamReply(options).begin(open);
}

/**
 * The flow control between an exchange and a client. One side reads from llama-server, at most `READ_AHEAD` ahead; the
 * other writes when the client has taken what was written before. A batch that comes alone leaves at once. In a burst a
 * write waits a little, so that what is ready by then leaves with it; the last bytes wait for nothing.
 *
 * The inference ends when the last bytes are handed over, or as soon as its signal aborts, whether or not the client
 * takes anything. What is left of the reply ends when the client has taken it, left, or hit the write deadline.
 */
class StreamReply implements UnderlyingDefaultSource<Uint8Array> {
  readonly #options: StreamReplyOptions;
  readonly #encoder: Encoder;
  readonly #inference: Inference;
  readonly #head = Promise.withResolvers<Response>();
  #begun = false;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Whether the client has taken everything that was written, and asks for more. */
  #taken = true;
  #wroteAt = -Infinity;
  /** Taken from the encoder and too much for one write. */
  #rest: Uint8Array | undefined;
  /** Set when the exchange has ended well. */
  #completion: Completion | undefined;
  #failed = false;
  /** Whether the encoder has been given the end, so that nothing more will come. */
  #isLast = false;
  #released = false;
  #wakeReader: (() => void) | undefined;
  #gathering: ReturnType<typeof setTimeout> | undefined;
  #writeDeadline: Timer | undefined;
  #heartbeat: Timer | undefined;
  #meanwhile: Timer | undefined;

  constructor(options: StreamReplyOptions) {
    this.#options = options;
    this.#encoder = options.encoder;
    this.#inference = options.inference;
    this.#inference.signal.addEventListener("abort", this.#aborted);
  }

  begin(open: () => Promise<Exchange>): Promise<Response> {
    if (this.#inference.signal.aborted) {
      this.#aborted();
    } else {
      this.#keepAlive();
      this.#meanwhile = this.#options.meanwhile?.(() => this.#writeOrGather());
      this.#read(open);
    }
    return this.#head.promise;
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
    this.#release();
    this.#inference.clientLeft();
  }

  async #read(open: () => Promise<Exchange>): Promise<void> {
    const { timeline } = this.#inference;
    try {
      const exchange = await open();
      this.#encoder.open?.(exchange);
      for (;;) {
        timeline.waiting();
        const batch = await exchange.read();
        this.#add(batch);
        if (batch === undefined) break;
        this.#writeOrGather();
        if (this.#encoder.pending > READ_AHEAD && !this.#options.whole) await this.#untilWritten();
      }
      this.#completion = exchange.completion;
      this.#writeOrGather();
    } catch (error) {
      this.#fail(asModeldError(error));
    }
  }

  /** Takes a batch, or the end. What came in front of something that fails has come, too. */
  #add(batch: EventBatch | undefined): void {
    const before = this.#encoder.fragments;
    try {
      if (batch !== undefined) this.#encoder.add(batch);
    } finally {
      const { timeline } = this.#inference;
      if (before === 0) timeline.prefill = this.#encoder.progress;
      timeline.received(this.#encoder.fragments - before);
      this.#heartbeat?.clear();
      // A sign of life is no answer yet.
      if (batch !== undefined && this.#encoder.fragments === 0) this.#keepAlive();
      else this.#meanwhile?.clear();
    }
  }

  /** Sends a heartbeat each time that nothing has come for too long, until the first event is there. */
  #keepAlive(): void {
    this.#heartbeat = this.#options.heartbeats?.set(() => {
      this.#encoder.heartbeat?.();
      this.#writeOrGather();
      this.#keepAlive();
    });
  }

  readonly #aborted = (): void => this.#fail(asModeldError(this.#inference.signal.reason));

  #fail(failure: ModeldError): void {
    if (this.#failed || this.#isLast || this.#released) return;
    this.#failed = true;
    this.#heartbeat?.clear();
    this.#meanwhile?.clear();
    // A token that came together with the failure must not be lost.
    if (!this.#begun && !this.#options.whole && this.#encoder.pending > 0) this.#sendHead();
    this.#inference.abort(failure);
    this.#inference.fail(failure);
    if (!this.#begun) {
      this.#release();
      this.#head.reject(failure);
    } else if (!this.#inference.clientHasLeft && this.#encoder.fail(failure)) {
      this.#isLast = true;
      this.#writeOrGather();
    } else {
      this.#cut();
    }
    this.#wakeReader?.();
  }

  /** To be called when something has come, when the end is known, and when the client asks for more. */
  #writeOrGather(): void {
    if (this.#released) return;
    const isEnd = this.#completion !== undefined || this.#failed;
    if (!this.#begun) {
      if (!isEnd && (this.#options.whole || this.#encoder.pending === 0)) return;
      this.#sendHead();
    }
    if (!this.#taken) return;
    if (isEnd || this.#rest !== undefined) return this.#write();
    if (this.#encoder.pending === 0 || this.#gathering !== undefined) return;
    const now = this.#options.clock.now();
    if (now - this.#wroteAt >= BURST_MS) return this.#write(now);
    // `fetch` hands over one chunk a turn of the event loop, however many have come: the end of the turn would be too soon.
    this.#gathering = setTimeout(() => this.#write(), GATHER_MS);
  }

  #sendHead(): void {
    const headers: Record<string, string> = { "Content-Type": this.#encoder.contentType };
    if (this.#options.whole) {
      this.#addEnd();
      headers["Content-Length"] = String(this.#encoder.pending);
    }
    this.#begun = true;
    this.#inference.startReply(() => this.#cut());
    this.#head.resolve(new Response(new ReadableStream(this, { highWaterMark: 0 }), { headers }));
  }

  /** Writes what is there, or closes where there is nothing and will be nothing; if the client asks for it. */
  #write(now = this.#options.clock.now()): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    // Also because a timer that was cleared in the turn of the event loop in which it was due may be called in Deno 2.6.
    if (this.#controller === undefined || !this.#taken || this.#released) return;
    if (this.#rest === undefined && !this.#addEnd() && this.#encoder.pending === 0) {
      if (this.#isLast) this.#close();
      return;
    }
    let bytes = this.#rest ?? this.#encoder.take();
    this.#rest = bytes.length > READ_AHEAD ? bytes.subarray(READ_AHEAD) : undefined;
    if (this.#rest !== undefined) bytes = bytes.subarray(0, READ_AHEAD);
    this.#taken = false;
    this.#wroteAt = now;
    this.#controller.enqueue(bytes);
    const isAllWritten = this.#isLast && this.#rest === undefined && this.#encoder.pending === 0;
    if (isAllWritten && this.#completion !== undefined) {
      this.#inference.complete(this.#completion);
    }
    this.#wakeReader?.();
  }

  /** Adds what ends a reply well, once; a failure that comes before that still counts. @returns whether it did */
  #addEnd(): boolean {
    if (this.#completion === undefined || this.#isLast) return false;
    this.#encoder.end(this.#completion);
    this.#isLast = true;
    return true;
  }

  /** Waits for the client to take what is there. That is no time that modeld itself cost. */
  #untilWritten(): Promise<void> {
    this.#inference.timeline.waiting();
    return new Promise((resolve) => this.#wakeReader = resolve);
  }

  /** Checks the deadline only when it may have passed, so that a token costs it nothing. */
  #watchClient(): void {
    const { clock, writeDeadlines } = this.#options;
    const check = () => {
      const left = this.#taken ? writeDeadlines.ms : this.#wroteAt + writeDeadlines.ms - clock.now();
      if (left > 0) {
        this.#writeDeadline = clock.after(left, check);
        return;
      }
      const message = `the client took nothing for ${writeDeadlines.ms} ms (--write-timeout)`;
      this.#cut(new ModeldError("write_timeout", message));
    };
    this.#writeDeadline = writeDeadlines.set(check);
  }

  #close(): void {
    this.#controller?.close();
    this.#release();
  }

  /** Ends the connection without the chunk that says that the reply is whole. */
  #cut(reason = new ModeldError("cancelled", "the stream was cut")): void {
    if (this.#released) return;
    this.#release();
    this.#controller?.error(reason);
    this.#inference.abort(reason);
    this.#inference.fail(reason);
    this.#wakeReader?.();
  }

  #release(): void {
    this.#released = true;
    this.#inference.signal.removeEventListener("abort", this.#aborted);
    this.#writeDeadline?.clear();
    this.#heartbeat?.clear();
    this.#meanwhile?.clear();
    clearTimeout(this.#gathering);
    this.#inference.endReply();
  }
}
