/** The small parts of JSON's grammar (RFC 8259) and of UTF-8 (RFC 3629), byte by byte. */

/** Where the white space that begins at `at` ends, at `until` at the latest. */
export function whitespaceEnd(bytes: Uint8Array, at: number, until: number): number {
  while (at < until) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    at++;
  }
  return at;
}

/** 1 for each byte that stands for itself in a string: ASCII but for quote, backslash and control characters. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) => {
  return byte >= 0x20 && byte < 0x80 && byte !== 0x22 && byte !== 0x5c ? 1 : 0;
});

/** Where the plain bytes that begin at `at` end, at `until` at the latest. */
export function plainEnd(bytes: Uint8Array, at: number, until: number): number {
  while (at < until && PLAIN[bytes[at] ?? 0] === 1) at++;
  return at;
}

/** How many bytes of a string the escape or the character at `at` takes; 0 where it is invalid or cut off. */
export function sequenceLength(bytes: Uint8Array, at: number): number {
  return bytes[at] === 0x5c ? escapeLength(bytes, at) : characterLength(bytes, at);
}

const LETTER_U = 0x75;

/** How long the escape is that has this byte behind its backslash; 0 where there is none. */
const ESCAPE_LENGTHS = new Uint8Array(256);
for (const letter of '"\\/bfnrt') ESCAPE_LENGTHS[letter.charCodeAt(0)] = 2;
ESCAPE_LENGTHS[LETTER_U] = 6;

function escapeLength(bytes: Uint8Array, at: number): number {
  const letter = bytes[at + 1] ?? 0;
  if (letter !== LETTER_U) return ESCAPE_LENGTHS[letter] ?? 0;
  for (let digit = at + 2; digit < at + 6; digit++) {
    if (!isHexDigit(bytes[digit] ?? 0)) return 0;
  }
  return 6;
}

function isHexDigit(byte: number): boolean {
  const lower = byte | 0x20;
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66);
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Of a character beyond ASCII. Overlong forms, surrogates and what is beyond U+10FFFF are invalid. */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  const second = bytes[at + 1] ?? 0;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let next = at + 2; next < at + length; next++) {
    if (((bytes[next] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

/** Stands for a character that is in no word looked for: beyond ASCII, or written with one of the short escapes. */
const FOREIGN = "\ufffd";

/**
 * The first characters of a string's content, `\u` escapes decoded: enough to compare it with words of letters, digits and
 * underscores, however the client wrote it. Ends with U+FFFD at the first character that is in no such word.
 */
export function asciiBeginning(bytes: Uint8Array, start: number, end: number, characters: number): string {
  let text = "";
  for (let at = start; at < end && text.length < characters; at++) {
    let code = bytes[at] ?? 0;
    if (code === 0x5c) {
      if (bytes[at + 1] !== LETTER_U) return text + FOREIGN;
      code = hexValue(bytes, at + 2);
      at += 5;
    }
    if (code >= 0x80) return text + FOREIGN;
    text += String.fromCharCode(code);
  }
  return text;
}

/** Of four digits that are known to be there. */
function hexValue(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let digit = at; digit < at + 4; digit++) {
    const byte = bytes[digit] ?? 0;
    value = value * 16 + (isDigit(byte) ? byte - 0x30 : (byte | 0x20) - 0x57);
  }
  return value;
}

/** How far a number has come. */
export enum NumberPhase {
  start,
  minus,
  zero,
  integer,
  point,
  fraction,
  e,
  sign,
  exponent,
  /** The byte does not belong to the number. */
  over,
}

/** Where a number stands behind one more byte. */
export function nextPhase(phase: NumberPhase, byte: number | undefined): NumberPhase {
  if (byte === undefined) return NumberPhase.over;
  const digit = isDigit(byte);
  switch (phase) {
    case NumberPhase.start:
      if (byte === 0x2d) return NumberPhase.minus;
      return digit ? firstDigit(byte) : NumberPhase.over;
    case NumberPhase.minus:
      return digit ? firstDigit(byte) : NumberPhase.over;
    case NumberPhase.integer:
      return digit ? NumberPhase.integer : pointOrE(byte);
    case NumberPhase.zero:
      return pointOrE(byte);
    case NumberPhase.point:
      return digit ? NumberPhase.fraction : NumberPhase.over;
    case NumberPhase.fraction:
      if (digit) return NumberPhase.fraction;
      return isE(byte) ? NumberPhase.e : NumberPhase.over;
    case NumberPhase.e:
      if (byte === 0x2b || byte === 0x2d) return NumberPhase.sign;
      return digit ? NumberPhase.exponent : NumberPhase.over;
    case NumberPhase.sign:
    case NumberPhase.exponent:
      return digit ? NumberPhase.exponent : NumberPhase.over;
    default:
      return NumberPhase.over;
  }
}

/** Where the digits that begin at `at` end, at `until` at the latest. */
export function digitsEnd(bytes: Uint8Array, at: number, until: number): number {
  while (at < until && isDigit(bytes[at] ?? 0)) at++;
  return at;
}

export function numberMayEnd(phase: NumberPhase): boolean {
  return phase === NumberPhase.zero || phase === NumberPhase.integer || phase === NumberPhase.fraction ||
    phase === NumberPhase.exponent;
}

function firstDigit(byte: number): NumberPhase {
  return byte === 0x30 ? NumberPhase.zero : NumberPhase.integer;
}

function pointOrE(byte: number): NumberPhase {
  if (byte === 0x2e) return NumberPhase.point;
  return isE(byte) ? NumberPhase.e : NumberPhase.over;
}

function isE(byte: number): boolean {
  return (byte | 0x20) === 0x65;
}
