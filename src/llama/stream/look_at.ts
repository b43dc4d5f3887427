import { equals, type Frame } from "./framing.ts";

const utf8 = new TextEncoder();
const COLON = 58;
const SPACE = 32;
const QUOTE = 34;
const OPEN = 123;
const CLOSE = 125;
const [N, P, R, E, S, T] = [...utf8.encode("nprest")];
const NULL = utf8.encode("null");
const FINISH_REASON = utf8.encode('"finish_reason"');
const STOP = utf8.encode('"stop"');
const ERROR = utf8.encode('"error"');
const TYPE = utf8.encode('"type"');
const USAGE = utf8.encode('"usage"');
const TIMINGS = utf8.encode('"timings"');

/** The types of events that end an answer of OpenAI's Responses or of Anthropic's Messages, well or not. */
export const ENDING_TYPES: ReadonlyMap<string, "terminal" | "error"> = new Map([
  ["message_stop", "terminal"],
  ["response.completed", "terminal"],
  ["response.incomplete", "terminal"],
  ["response.failed", "error"],
  ["error", "error"],
]);
const ENDING_NAMES = [...ENDING_TYPES.keys()].map((type) => utf8.encode(type));

/** What the bytes of an event show: that it must be parsed, that it has usage or timings to keep, or neither. */
export type Look = "plain" | "usage" | "parse";

/**
 * Checks the keys of an event's data without parsing it. A token costs one pass over its bytes. What is found is never
 * within a string: there each quote has a backslash in front of it. It may be deeper in the data, so the parsed event decides.
 */
export function lookAt(bytes: Uint8Array, { dataStart, dataEnd, nameStart, nameEnd, isSplit }: Frame): Look {
  if (isSplit || isEndingName(bytes, nameStart, nameEnd)) return "parse";
  if (bytes[dataStart] !== OPEN || bytes[dataEnd - 1] !== CLOSE) {
    const isString = dataEnd - dataStart > 1 && bytes[dataStart] === QUOTE && bytes[dataEnd - 1] === QUOTE;
    return isString || equals(bytes, dataStart, dataEnd, NULL) ? "plain" : "parse";
  }
  let look: Look = "plain";
  for (let at = dataStart + 2; at < dataEnd; at++) {
    if (bytes[at] !== COLON || bytes[at - 1] !== QUOTE) continue;
    switch (bytes[at - 2]) {
      case N:
        if (isKey(bytes, at, FINISH_REASON) && bytes[valueAt(bytes, at)] === QUOTE) return "parse";
        break;
      case P:
        if (isKey(bytes, at, STOP) && bytes[valueAt(bytes, at)] === T) return "parse";
        break;
      case R:
        if (isKey(bytes, at, ERROR) && bytes[valueAt(bytes, at)] !== N) return "parse";
        break;
      case E:
        if (isKey(bytes, at, TYPE) && isEndingValue(bytes, valueAt(bytes, at), dataEnd)) return "parse";
        if (isKey(bytes, at, USAGE) && bytes[valueAt(bytes, at)] !== N) look = "usage";
        break;
      case S:
        if (isKey(bytes, at, TIMINGS)) look = "usage";
        break;
    }
  }
  return look;
}

/** The name of an event, where it is one of those that end an answer; else empty. */
export function nameOf(bytes: Uint8Array, { nameStart, nameEnd }: Frame): string {
  return [...ENDING_TYPES.keys()].find((_, i) => equals(bytes, nameStart, nameEnd, ENDING_NAMES[i] ?? NULL)) ?? "";
}

function isEndingName(bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end) return false;
  for (const name of ENDING_NAMES) if (equals(bytes, start, end, name)) return true;
  return false;
}

/** Whether the string at `start` is a type that ends an answer. */
function isEndingValue(bytes: Uint8Array, start: number, limit: number): boolean {
  if (bytes[start] !== QUOTE) return false;
  const end = bytes.indexOf(QUOTE, start + 1);
  return end > 0 && end < limit && isEndingName(bytes, start + 1, end);
}

/** Whether the key that ends in front of the colon is this one, its quotes included. */
function isKey(bytes: Uint8Array, colon: number, key: Uint8Array): boolean {
  return colon >= key.length && equals(bytes, colon - key.length, colon, key);
}

/** Where the value behind a colon begins. */
function valueAt(bytes: Uint8Array, colon: number): number {
  let at = colon + 1;
  while (bytes[at] === SPACE) at++;
  return at;
}
