import type { ModeldError } from "../../base/errors.ts";
import { notUnderstood, protocolError } from "../failures.ts";

const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const COLON = 58;
const BRACE = 123;

const utf8 = new TextEncoder();
const DATA = utf8.encode("data:");
const EVENT = utf8.encode("event:");
const ERROR = utf8.encode("error:");
const ID = utf8.encode("id:");
const RETRY = utf8.encode("retry:");
const ERROR_NAME = utf8.encode("error");
const DONE = utf8.encode("[DONE]");

/** The longest event that is understood, in bytes: a token of 1 MB must pass, and llama-server sends nothing as long as this. */
export const EVENT_LIMIT = 4 * 1024 * 1024;

/** One whole event: where its parts are in the bytes that it came in. */
export interface Frame {
  /** `data` carries data, `error` is marked as an error, `empty` is a comment or fields without data. */
  readonly kind: "data" | "error" | "empty";
  /** Behind the event, the end of its last line included. It starts where the one before it ends. */
  readonly end: number;
  /** The value of `event:`; an empty range where there is none. */
  readonly nameStart: number;
  readonly nameEnd: number;
  /** The value of `data:`, or the line where there is no field; from the first line to the last if there are several. */
  readonly dataStart: number;
  readonly dataEnd: number;
  /** Whether the data is in several lines, with field names and line ends between them. */
  readonly isSplit: boolean;
}

/** What came out of some bytes. */
export interface Framed {
  /** Everything that belongs to the frames, in one piece; valid until the framer is given more. */
  readonly bytes: Uint8Array;
  readonly frames: readonly Frame[];
  /** Why the stream cannot be read on, after these frames. */
  readonly failure?: ModeldError;
}

/**
 * Finds whole events in bytes, in time linear in the bytes: Server-Sent Events, or one JSON value a line, told apart line by
 * line; lines end in LF, CRLF or CR. However the bytes are sliced, the same frames come out, and all their bytes do. Bytes
 * that belong to no known framing are not skipped, as the SSE standard would have it, but reported as a failure: they may be
 * all that llama-server or a proxy says about one.
 */
export class EventFramer {
  /** The beginning of an event whose end has not arrived, from `#heldStart` to `#heldEnd`; grows by doubling. */
  #held = new Uint8Array(0);
  #heldStart = 0;
  #heldEnd = 0;
  /** The bytes at hand; they begin with the event that is being read, and the positions below count from there. */
  #bytes = new Uint8Array(0);
  #frames: Frame[] = [];
  #frameStart = 0;
  #lineStart = 0;
  /** Where the search for the end of the line goes on. */
  #searchFrom = 0;
  #nameStart = 0;
  #nameEnd = 0;
  #dataStart = 0;
  #dataEnd = 0;
  #dataLines = 0;
  #hasFields = false;
  #hasCarriageReturns = false;
  /** The line before ended in a CR alone. Then the next CR ends a line too, without waiting for the byte behind it. */
  #afterLoneCarriageReturn = false;

  /** Takes the next bytes, which may be reused once what came out of them is no longer needed. */
  push(chunk: Uint8Array): Framed {
    if (!this.#hasCarriageReturns && chunk.indexOf(CR) >= 0) this.#hasCarriageReturns = true;
    const failure = this.#readLines(this.#heldEnd > this.#heldStart ? this.#append(chunk) : chunk, false);
    return this.#result(failure ?? this.#hold());
  }

  /**
   * The bytes have ended: what is left is read as if its line and its event ended here.
   *
   * @returns the last frame, if there is one, and the last line as far as it came, where its end did not.
   */
  finish(): Framed & { readonly unendedLine: string } {
    const bytes = this.#append(new Uint8Array(0));
    let failure = this.#readLines(bytes, true);
    const start = this.#lineStart;
    const unendedLine = failure === undefined ? lossyText(bytes, start, bytes.length) : "";
    if (failure === undefined && start < bytes.length) failure = this.#line(start, bytes.length, bytes.length);
    if (failure === undefined && this.#hasFields) failure = this.#emit(bytes.length);
    return { ...this.#result(failure), unendedLine };
  }

  #readLines(bytes: Uint8Array, isEnd: boolean): ModeldError | undefined {
    this.#bytes = bytes as Uint8Array<ArrayBuffer>;
    this.#frames = [];
    this.#frameStart = 0;
    for (let end; (end = this.#lineEnd(isEnd)) >= 0;) {
      const isCarriageReturn = bytes[end] === CR;
      const isLone = isCarriageReturn && (this.#afterLoneCarriageReturn || bytes[end + 1] !== LF);
      // An LF behind a lone CR belongs to that CR.
      const skipped = this.#afterLoneCarriageReturn && bytes[this.#lineStart] === LF ? 1 : 0;
      const start = this.#lineStart + skipped;
      const next = isCarriageReturn && !isLone ? end + 2 : end + 1;
      this.#afterLoneCarriageReturn = isLone;
      const failure = start <= end ? this.#line(start, end, next) : undefined;
      if (failure !== undefined) return failure;
      this.#lineStart = next;
      this.#searchFrom = next;
    }
    return undefined;
  }

  /** Where the line ends; -1 where that cannot be said yet. */
  #lineEnd(isEnd: boolean): number {
    const bytes = this.#bytes;
    if (this.#searchFrom === bytes.length) return -1;
    if (bytes[this.#searchFrom] === LF) return this.#searchFrom; // the empty line behind each event
    if (!this.#hasCarriageReturns) {
      const at = bytes.indexOf(LF, this.#searchFrom);
      if (at < 0) this.#searchFrom = bytes.length;
      return at;
    }
    for (let at = this.#searchFrom; at < bytes.length; at++) {
      if (bytes[at] === LF) return at;
      if (bytes[at] !== CR) continue;
      if (this.#afterLoneCarriageReturn || at + 1 < bytes.length || isEnd) return at;
      this.#searchFrom = at;
      return -1;
    }
    this.#searchFrom = bytes.length;
    return -1;
  }

  /** Takes one line; `next` is behind its end. */
  #line(start: number, end: number, next: number): ModeldError | undefined {
    const bytes = this.#bytes;
    if (start === end) return this.#hasFields ? this.#emit(next) : undefined;
    const first = bytes[start];
    if (first === COLON || startsWith(bytes, start, end, ID) || startsWith(bytes, start, end, RETRY)) {
      this.#hasFields = true;
    } else if (startsWith(bytes, start, end, DATA)) {
      this.#addData(valueStart(bytes, start + DATA.length, end), end);
    } else if (startsWith(bytes, start, end, EVENT)) {
      this.#hasFields = true;
      this.#nameStart = valueStart(bytes, start + EVENT.length, end);
      this.#nameEnd = end;
    } else if (startsWith(bytes, start, end, ERROR)) {
      this.#dataLines = 0;
      this.#addData(valueStart(bytes, start + ERROR.length, end), end);
      return this.#emit(next, "error");
    } else if (
      this.#dataLines === 0 && this.#nameStart === this.#nameEnd &&
      (first === BRACE || first === QUOTE || equals(bytes, start, end, DONE))
    ) {
      this.#addData(start, end);
      return this.#emit(next);
    } else {
      return notUnderstood("text outside its stream", lossyText(bytes, start, end));
    }
    return undefined;
  }

  #addData(start: number, end: number): void {
    if (this.#dataLines++ === 0) this.#dataStart = start;
    this.#dataEnd = end;
    this.#hasFields = true;
  }

  #emit(end: number, kind: Frame["kind"] = this.#kind()): ModeldError | undefined {
    if (end - this.#frameStart > EVENT_LIMIT) return tooLong();
    this.#frames.push({
      kind,
      end,
      nameStart: this.#nameStart,
      nameEnd: this.#nameEnd,
      dataStart: this.#dataStart,
      dataEnd: this.#dataEnd,
      isSplit: this.#dataLines > 1,
    });
    this.#frameStart = end;
    this.#nameStart = this.#nameEnd = 0;
    this.#dataStart = this.#dataEnd = 0;
    this.#dataLines = 0;
    this.#hasFields = false;
    return undefined;
  }

  #kind(): Frame["kind"] {
    if (equals(this.#bytes, this.#nameStart, this.#nameEnd, ERROR_NAME)) return "error";
    return this.#dataLines > 0 ? "data" : "empty";
  }

  #result(failure: ModeldError | undefined): Framed {
    const bytes = this.#bytes.subarray(0, this.#frames.at(-1)?.end ?? 0);
    return failure === undefined ? { bytes, frames: this.#frames } : { bytes, frames: this.#frames, failure };
  }

  /** Keeps what belongs to the next event, and counts positions from there. */
  #hold(): ModeldError | undefined {
    const from = this.#frameStart;
    const rest = this.#bytes.length - from;
    if (rest > EVENT_LIMIT) return tooLong();
    if (this.#heldEnd > this.#heldStart) {
      this.#heldStart += from;
    } else if (rest > 0) {
      if (rest > this.#held.length) this.#held = new Uint8Array(Math.max(rest, 1024));
      this.#held.set(this.#bytes.subarray(from));
      this.#heldStart = 0;
      this.#heldEnd = rest;
    }
    if (from === 0) return undefined;
    this.#lineStart -= from;
    this.#searchFrom -= from;
    if (!this.#hasFields) return undefined;
    this.#nameStart -= from;
    this.#nameEnd -= from;
    this.#dataStart -= from;
    this.#dataEnd -= from;
    return undefined;
  }

  /** What is held, with this behind it. */
  #append(chunk: Uint8Array): Uint8Array {
    const length = this.#heldEnd - this.#heldStart;
    const needed = length + chunk.length;
    if (needed > this.#held.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#held.length, 1024));
      larger.set(this.#held.subarray(this.#heldStart, this.#heldEnd));
      this.#held = larger;
    } else if (this.#heldStart > 0) {
      this.#held.copyWithin(0, this.#heldStart, this.#heldEnd);
    }
    this.#held.set(chunk, length);
    this.#heldStart = 0;
    this.#heldEnd = needed;
    return this.#held.subarray(0, needed);
  }
}

/** Decodes without asking; three times as fast as the strict one. Keeps a byte order mark, so that slicing changes nothing. */
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
const REPLACEMENT = "\ufffd";

/**
 * The data of a frame; lines of it are joined by LF.
 *
 * @throws ModeldError `protocol` where it is not UTF-8.
 */
export function dataOf(bytes: Uint8Array, { dataStart, dataEnd, isSplit }: Frame): string {
  const range = bytes.subarray(dataStart, dataEnd);
  let text = lenient.decode(range);
  // The replacement character stands for bytes that are not UTF-8, or was sent as such: rare, so only then check.
  if (text.includes(REPLACEMENT)) {
    try {
      text = strict.decode(range);
    } catch (cause) {
      throw protocolError("bytes that are not UTF-8", cause);
    }
  }
  if (!isSplit) return text;
  const [first, ...others] = text.split(/\r\n|\n|\r/);
  const values = others.filter((line) => line.startsWith("data:")).map((line) => line.slice(line[5] === " " ? 6 : 5));
  return [first, ...values].join("\n");
}

/** Whether a range holds exactly these bytes. */
export function equals(bytes: Uint8Array, start: number, end: number, expected: Uint8Array): boolean {
  return end - start === expected.length && startsWith(bytes, start, end, expected);
}

/** Whether a range begins with these bytes. */
export function startsWith(bytes: Uint8Array, start: number, end: number, expected: Uint8Array): boolean {
  if (end - start < expected.length) return false;
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false;
  return true;
}

/** Where a field's value begins; one space behind the colon does not belong to it. */
function valueStart(bytes: Uint8Array, start: number, end: number): number {
  return start < end && bytes[start] === SPACE ? start + 1 : start;
}

/** The beginning of a range as text for a message, whatever its bytes are. */
function lossyText(bytes: Uint8Array, start: number, end: number): string {
  return lenient.decode(bytes.subarray(start, Math.min(end, start + 2048)));
}

function tooLong(): ModeldError {
  return protocolError(`an event of more than ${EVENT_LIMIT} bytes`);
}
