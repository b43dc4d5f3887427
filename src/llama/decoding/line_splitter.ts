import { protocolError } from "./protocol_error.ts";

const LF = 10;
const CR = 13;

/** The longest line that is understood, in bytes. A line of 1 MB must pass; beyond this a server is out of its mind. */
export const LINE_LIMIT = 4 * 1024 * 1024;

/** Decodes without asking; three times as fast as the strict one. Keeps a byte order mark, so that slicing changes nothing. */
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
const REPLACEMENT = "\ufffd";

/**
 * Turns bytes into lines that end in LF, CRLF or CR, in time linear in the bytes, wherever they are cut. Bytes are decoded
 * a whole line at least at a time, so no character is ever cut in two.
 */
export class LineSplitter {
  /** The beginning of a line whose end has not arrived; grows by doubling. */
  #held = new Uint8Array(0);
  #heldLength = 0;
  /** The last byte was a CR that ended a line: an LF right after it belongs to it. */
  #afterCarriageReturn = false;

  /**
   * Hands on every line that ends in these bytes. The bytes may be reused afterwards.
   *
   * @throws ModeldError `protocol` for a line over the limit or one that is not UTF-8, after the lines before it.
   */
  push(bytes: Uint8Array, line: (text: string) => void): void {
    if (bytes.length === 0) return;
    if (this.#afterCarriageReturn && bytes[0] === LF) bytes = bytes.subarray(1);
    this.#afterCarriageReturn = false;
    const end = endOfLastLine(bytes);
    if (end === 0) return this.#hold(bytes);
    this.#afterCarriageReturn = end === bytes.length && bytes[end - 1] === CR;

    let block = end === bytes.length ? bytes : bytes.subarray(0, end);
    if (this.#heldLength > 0) {
      this.#hold(block);
      block = this.#held.subarray(0, this.#heldLength);
      this.#heldLength = 0;
    }
    eachLine(block, line);
    if (end < bytes.length) this.#hold(bytes.subarray(end));
  }

  /**
   * What is left after the end: a line without its end, cut anywhere, even in the middle of a character.
   *
   * @throws ModeldError `protocol` where it is not UTF-8.
   */
  rest(): string {
    const bytes = this.#held.subarray(0, this.#heldLength);
    this.#heldLength = 0;
    // A decoder of its own, told that more may follow: it leaves out a character that is cut, and still refuses bad bytes.
    return decodeStrictly(new TextDecoder("utf-8", { ignoreBOM: true, fatal: true }), bytes, { stream: true });
  }

  #hold(bytes: Uint8Array): void {
    const length = this.#heldLength + bytes.length;
    if (length > LINE_LIMIT) {
      throw protocolError(`a line of more than ${LINE_LIMIT} bytes`);
    }
    if (length > this.#held.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#held.length, 1024));
      larger.set(this.#held.subarray(0, this.#heldLength));
      this.#held = larger;
    }
    this.#held.set(bytes, this.#heldLength);
    this.#heldLength = length;
  }
}

/** The index after the last byte that ends a line; 0 where none does. */
function endOfLastLine(bytes: Uint8Array): number {
  const lineFeed = bytes.lastIndexOf(LF);
  if (lineFeed === bytes.length - 1) return bytes.length;
  return Math.max(lineFeed, bytes.lastIndexOf(CR)) + 1;
}

/** Hands on each line of a block that ends with the end of a line. */
function eachLine(block: Uint8Array, line: (text: string) => void): void {
  const text = lenient.decode(block);
  // The replacement character stands for bytes that are not UTF-8, or was sent as such: rare, so look closer.
  if (text.includes(REPLACEMENT)) return eachLineStrictly(block, line);
  const lines = text.includes("\r") ? text.split(/\r\n|\n|\r/) : text.split("\n");
  lines.pop(); // what stands after the last line's end: nothing
  for (const each of lines) line(each);
}

function eachLineStrictly(block: Uint8Array, line: (text: string) => void): void {
  let start = 0;
  for (let at = 0; at < block.length; at++) {
    if (block[at] !== LF && block[at] !== CR) continue;
    line(decodeStrictly(strict, block.subarray(start, at)));
    if (block[at] === CR && block[at + 1] === LF) at++;
    start = at + 1;
  }
}

function decodeStrictly(decoder: TextDecoder, bytes: Uint8Array, options?: TextDecodeOptions): string {
  try {
    return decoder.decode(bytes, options);
  } catch (cause) {
    throw protocolError("bytes that are not UTF-8", cause);
  }
}
