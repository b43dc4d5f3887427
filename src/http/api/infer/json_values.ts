import { clip } from "../../../base/clip.ts";
import { ModeldError } from "../../../base/errors.ts";

/** Values that a body may have: more than any request needs, and few enough to be parsed within a few milliseconds. */
const MOST_VALUES = 10_000;

/** Bytes that are looked at in one turn of the event loop. */
const BYTES_PER_TURN = 256 * 1024;

/**
 * Refuses a JSON text of too many values before it is parsed. Looks at each byte once and builds nothing, so it costs far
 * less than `JSON.parse`. Whether the text is JSON is the parser's to say.
 *
 * @throws ModeldError `invalid_request`
 */
export async function checkValueCount(json: Uint8Array): Promise<void> {
  const counter = new ValueCounter();
  for (let start = 0; start < json.length; start += BYTES_PER_TURN) {
    if (start > 0) await new Promise((resolve) => setTimeout(resolve, 0));
    counter.push(json.subarray(start, start + BYTES_PER_TURN));
    if (counter.count > MOST_VALUES) {
      throw new ModeldError("invalid_request", `the body has more than ${MOST_VALUES} values`);
    }
  }
}

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const SPACE = 0x20;

/** Counts the values of a JSON text: the text's own, the items of its arrays and the values of its objects. */
class ValueCounter {
  count = 1;
  #inString = false;
  #escaped = false;
  /** An array or object has begun, and nothing in it yet: it may be empty. */
  #opened = false;

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) {
      if (this.#inString) at = this.#endOfString(bytes, at);
      else this.#structure(bytes[at] ?? SPACE);
    }
  }

  #structure(byte: number): void {
    if (byte <= SPACE) return;
    if (this.#opened && byte !== CLOSE_ARRAY && byte !== CLOSE_OBJECT) this.count++;
    this.#opened = byte === OPEN_ARRAY || byte === OPEN_OBJECT;
    if (byte === COMMA) this.count++;
    else if (byte === QUOTE) this.#inString = true;
  }

  /** Where the string ends, or the bytes do. */
  #endOfString(bytes: Uint8Array, from: number): number {
    let at = from;
    if (this.#escaped) {
      this.#escaped = false;
      at++;
    }
    for (; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        this.#inString = false;
        return at;
      }
      if (byte === BACKSLASH && ++at === bytes.length) this.#escaped = true;
    }
    return at;
  }
}

/**
 * Refuses a body whose objects and arrays are nested deeper than `maxDepth` levels. JSON.parse itself takes any depth.
 *
 * @throws ModeldError `invalid_request` that names the top-level field
 */
export function checkDepth(body: unknown, maxDepth: number): void {
  // An array is refused for what it is; its places are no fields.
  if (typeof body !== "object" || body === null || Array.isArray(body)) return;
  for (const [field, value] of Object.entries(body)) {
    if (isDeeper(value, maxDepth - 1)) {
      throw new ModeldError("invalid_request", `${clip(field)} is nested deeper than ${maxDepth} levels`);
    }
  }
}

/** Recurses at most `levels` deep. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
