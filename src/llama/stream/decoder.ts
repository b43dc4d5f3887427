import { ModeldError } from "../../base/errors.ts";
import type { Completion, EventBatch, EventKind, EventView, WireEvent } from "../exchange.ts";
import { NO_VIEW, type ParsedEvent, parseEvent, readView } from "./event_view.ts";
import { equals, type Frame } from "./framing.ts";

/** What some bytes of an answer held. */
export interface Decoded {
  /** What can be handed on; missing where nothing is whole yet. What came before an end counts. */
  readonly batch?: DecodedBatch;
  /** How the answer ended, where it did: whole, or why not. */
  readonly end?: Completion | ModeldError;
}

/** As `Decoded`, after the last bytes. */
export interface LastDecoded extends Decoded {
  readonly end: Completion | ModeldError;
}

/** Turns the bytes of one answer into what its exchange hands on. */
export interface Decoder {
  /** Whether every choice has its finish reason, so that the answer is whole even without a terminal event. */
  readonly isFinished: boolean;
  /** What the answer has said of its end so far. */
  readonly completion: Completion;
  /** Takes the next bytes, which may be reused once the batch is no longer needed. Not to be called again after an end. */
  push(bytes: Uint8Array): Decoded;
  /**
   * The bytes have ended.
   *
   * @param cut how the connection broke, if it did.
   */
  finish(cut?: ModeldError): LastDecoded;
}

/** Bytes of an answer and their events. */
export class DecodedBatch implements EventBatch {
  bytes: Uint8Array;
  readonly events: readonly DecodedEvent[];

  constructor(bytes: Uint8Array, events: readonly DecodedEvent[]) {
    this.bytes = bytes;
    this.events = events;
    for (const event of events) event.batch = this;
  }

  /** Makes it valid beyond the next read. */
  keep(): void {
    this.bytes = this.bytes.slice();
  }
}

/** One event; it is parsed when it must be, or when its view is asked for. */
export class DecodedEvent implements WireEvent {
  readonly kind: EventKind;
  /** Where its bytes are. */
  batch: DecodedBatch | undefined;
  readonly #frame: Frame;
  readonly #onMisread: (error: ModeldError) => void;
  #parsed: ParsedEvent | undefined;

  constructor(kind: EventKind, frame: Frame, onMisread: (error: ModeldError) => void, parsed?: ParsedEvent) {
    this.kind = kind;
    this.#frame = frame;
    this.#onMisread = onMisread;
    this.#parsed = parsed;
  }

  get view(): EventView {
    try {
      return this.peek();
    } catch (error) {
      if (error instanceof ModeldError) this.#onMisread(error);
      throw error;
    }
  }

  /** As `view`, but an event that cannot be understood does not fail its exchange. */
  peek(): EventView {
    if (this.batch === undefined || this.kind === "comment") return NO_VIEW;
    const { bytes } = this.batch;
    if (this.#parsed === undefined && isDone(bytes, this.#frame)) return NO_VIEW;
    this.#parsed ??= parseEvent(bytes, this.#frame);
    return readView(this.#parsed);
  }
}

const DONE = new TextEncoder().encode("[DONE]");

/** Whether the event is `[DONE]`, which is not JSON. */
export function isDone(bytes: Uint8Array, { dataStart, dataEnd }: Frame): boolean {
  return equals(bytes, dataStart, dataEnd, DONE);
}
