import { ModeldError } from "../../../base/errors.ts";
import type { ByteShare } from "../../byte_budget.ts";

/** Characters that are gathered before they are encoded, and bytes that are written at once. */
const PIECE = 8_192;

const utf8 = new TextEncoder();

/**
 * The whole text of an answer, as the inside of a JSON string. What has been gathered is kept in UTF-8 outside of V8's
 * heap: there, millions of short fragments would take ten times the room.
 */
export class AnswerText {
  readonly #maxBytes: number;
  readonly #share: ByteShare;
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  #encodedBytes = 0;
  #recent = "";

  /**
   * @param maxBytes how long it may become
   * @param share what is kept counts there
   */
  constructor(maxBytes: number, share: ByteShare) {
    this.#maxBytes = maxBytes;
    this.#share = share;
  }

  /** Its bytes so far. */
  get bytes(): number {
    return this.#encodedBytes + this.#recent.length;
  }

  /** @throws ModeldError `answer_too_large`, `overloaded` */
  add(fragment: string): void {
    this.#recent += fragment;
    if (this.bytes > this.#maxBytes) throw tooLarge(this.#maxBytes);
    if (this.#recent.length >= PIECE) this.#encode();
  }

  /**
   * All of it, in pieces to write one by one; they are the caller's from now on.
   *
   * @throws ModeldError `answer_too_large`, `overloaded`
   */
  end(): Uint8Array<ArrayBuffer>[] {
    this.#encode();
    return this.#pieces.splice(0);
  }

  #encode(): void {
    const bytes = utf8.encode(JSON.stringify(this.#recent)).subarray(1, -1);
    this.#recent = "";
    this.#encodedBytes += bytes.length;
    if (this.#encodedBytes > this.#maxBytes) throw tooLarge(this.#maxBytes);
    this.#share.take(bytes.length);
    for (let start = 0; start < bytes.length; start += PIECE) this.#pieces.push(bytes.subarray(start, start + PIECE));
  }
}

function tooLarge(maxBytes: number): ModeldError {
  return new ModeldError(
    "answer_too_large",
    `the answer is over the limit of ${maxBytes} bytes (--max-answer-bytes), so it was stopped`,
  );
}
