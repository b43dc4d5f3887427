/** Bytes of a prompt that are hashed together; where a segment ends, a block ends too. */
const BLOCK_BYTES = 64;
/** Blocks of a prompt that are looked at: 2 MB of text. What comes behind them counts as not cached. */
const MOST_BLOCKS = 32_768;
/** Volatile lines are looked for in so many bytes at the start of a segment. */
const VOLATILE_WITHIN = 4_096;
/** Starts of lines that change with every request although the prompt is the same. */
const VOLATILE = ["x-anthropic-billing-header"].map((start) => new TextEncoder().encode(start));

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_N = 0x6e;

/**
 * A part of a request's body that the model sees: a message, the tools, the system prompt, a prompt. Segments come in the
 * order in which the chat template puts them: tools and system before messages.
 */
export interface Segment {
  readonly bytes: Uint8Array;
  /** Where it starts and ends (exclusive) in `bytes`. */
  readonly start: number;
  readonly end: number;
  /** An image or a sound: one block, whatever its length. */
  readonly media?: boolean;
}

/**
 * A prompt as a chain of hashes: block `i` stands for everything up to its end, so two prompts share a prefix exactly as
 * far as their blocks are the same. It is made once for each request and holds 12 bytes a block, no text.
 */
export class Fingerprint {
  /** Number of blocks. */
  count = 0;
  /** Length of the prompt in bytes, without volatile lines; media count as one block. */
  bytes = 0;
  /** Whether the last block would be another one if the last segment went on, as the prompt of a completion does. */
  isOpen = false;
  /** The session key as a block of its own. */
  readonly session: { readonly high: number; readonly low: number } | undefined;
  /** Two hashes and the end in bytes for each block. */
  readonly #blocks: Uint32Array;
  #high = 0x243f6a88;
  #low = 0x85a308d3;

  /** @param sessionKey what says that requests belong together although their text may differ */
  constructor(segments: readonly Segment[], sessionKey?: string) {
    const most = segments.reduce((sum, { start, end }) => sum + Math.ceil((end - start) / BLOCK_BYTES) + 1, 0);
    this.#blocks = new Uint32Array(3 * Math.min(MOST_BLOCKS, most));
    for (const segment of segments) {
      this.isOpen = false;
      if (segment.media) this.#addBlock(segment.bytes, segment.start, segment.end, BLOCK_BYTES);
      else this.#addText(segment);
    }
    if (sessionKey === undefined) return;
    const key = new TextEncoder().encode(sessionKey);
    const [high, low] = hash(SESSION_SEED, ~SESSION_SEED, key, 0, key.length);
    this.session = { high: high >>> 0, low: low >>> 0 };
  }

  high(block: number): number {
    return this.#blocks[3 * block] ?? 0;
  }

  low(block: number): number {
    return this.#blocks[3 * block + 1] ?? 0;
  }

  /** Bytes of the prompt up to the end of the first `blocks` blocks. */
  bytesOf(blocks: number): number {
    return blocks === 0 ? 0 : this.#blocks[3 * blocks - 1] ?? 0;
  }

  #addText({ bytes, start, end }: Segment): void {
    const line = volatileLine(bytes, start, Math.min(end, start + VOLATILE_WITHIN), end);
    this.#addBlocks(bytes, start, line?.start ?? end);
    if (line !== undefined) this.#addBlocks(bytes, line.end, end);
  }

  #addBlocks(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; at += BLOCK_BYTES) {
      const length = Math.min(BLOCK_BYTES, end - at);
      this.#addBlock(bytes, at, at + length, length);
      this.isOpen = length < BLOCK_BYTES && at > start;
    }
  }

  #addBlock(bytes: Uint8Array, start: number, end: number, counted: number): void {
    this.bytes += counted;
    if (this.count >= MOST_BLOCKS) return;
    [this.#high, this.#low] = hash(this.#high, this.#low, bytes, start, end);
    const at = 3 * this.count++;
    this.#blocks[at] = this.#high;
    this.#blocks[at + 1] = this.#low;
    this.#blocks[at + 2] = this.bytes;
  }
}

const SESSION_SEED = 0x13198a2e;

/**
 * Two 32-bit hashes of some bytes, begun from two others. They need not withstand an attacker: whoever makes two prompts
 * collide gets a server that is less warm than expected.
 */
function hash(high: number, low: number, bytes: Uint8Array, start: number, end: number): [high: number, low: number] {
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) |
      (byte(bytes, at + 3) << 24);
    high = Math.imul(high ^ word, 0x9e3779b1);
    high ^= high >>> 15;
    low = Math.imul(((low << 13) | (low >>> 19)) ^ word, 0x85ebca6b);
  }
  let rest = end - start;
  for (; at < end; at++) rest = (rest << 8) | byte(bytes, at);
  high = Math.imul(high ^ rest, 0xc2b2ae35);
  low = Math.imul(((low << 13) | (low >>> 19)) ^ rest, 0x27d4eb2f);
  return [high ^ (high >>> 16) ^ (low >>> 7), low ^ (low >>> 15)];
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

/** The first volatile line that starts before `within`: it ends at a newline, raw or escaped in JSON, or with its string. */
function volatileLine(bytes: Uint8Array, start: number, within: number, end: number) {
  for (const name of VOLATILE) {
    const first = byte(name, 0);
    for (let at = bytes.indexOf(first, start); at >= 0 && at < within; at = bytes.indexOf(first, at + 1)) {
      if (name.every((value, i) => bytes[at + i] === value)) return { start: at, end: lineEnd(bytes, at, end) };
    }
  }
  return undefined;
}

function lineEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const value = bytes[at];
    if (value === NEWLINE || value === QUOTE) return at;
    if (value !== BACKSLASH) continue;
    if (bytes[at + 1] === LETTER_N) return at;
    at++;
  }
  return end;
}
