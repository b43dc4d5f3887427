import type { Fingerprint } from "./fingerprint.ts";

/** Blocks that are remembered; entries are numbered in 16 bits. */
const CAPACITY = 32_768;

/** What is known of a block. */
export interface LastBlock {
  /** How many new blocks had been remembered when it was last used, and how many have been since. */
  readonly usedAt: number;
  readonly age: number;
  /**
   * Where a remembered prompt ended with it that nothing has continued yet: how long the answer was, 0 where it is not known.
   * Undefined elsewhere.
   */
  readonly answerBytes: number | undefined;
}

/**
 * The blocks of prompts that one server has computed for one model, least recently used out first; 0.9 MB at most, in
 * typed arrays.
 *
 * A prompt's blocks are touched from the last to the first, so a block is always more recent than those that continue
 * it, and what is known of any prompt is a prefix of it. That is why `match` may search by halves.
 */
export class RecentBlocks {
  readonly #capacity: number;
  /** Two hashes of each entry, and the clock when it was last used. */
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #usedAt: Float64Array;
  /** Where no remembered prompt goes on after the block: 1 + bytes of the answer that followed it there; 0 elsewhere. */
  readonly #endings: Uint32Array;
  /** A ring of entries in order of use; entry `capacity` stands between the newest and the oldest. */
  readonly #newer: Uint16Array;
  readonly #older: Uint16Array;
  /** Entry + 1 by hash, with linear probing, at most half full; 0: empty. */
  readonly #table: Uint16Array;
  readonly #mask: number;
  #size = 0;
  #clock = 0;

  /** @param capacity blocks that are remembered, a power of 2 up to 32,768 */
  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
    this.#high = new Uint32Array(capacity);
    this.#low = new Uint32Array(capacity);
    this.#usedAt = new Float64Array(capacity);
    this.#endings = new Uint32Array(capacity);
    this.#newer = new Uint16Array(capacity + 1);
    this.#older = new Uint16Array(capacity + 1);
    this.#table = new Uint16Array(2 * capacity);
    this.#mask = 2 * capacity - 1;
    this.clear();
  }

  /** Blocks that are known now. */
  get size(): number {
    return this.#size;
  }

  /** How many of a prompt's first blocks are known. */
  match(prompt: Fingerprint): number {
    const end = Math.min(prompt.count, this.#capacity) + 1;
    let known = 0;
    let unknown = 1;
    // Doubling first: what many prompts share is short and in the processor's cache, what is beyond is neither.
    while (unknown < end && this.#find(prompt.high(unknown - 1), prompt.low(unknown - 1)) >= 0) {
      known = unknown;
      unknown = Math.min(end, 2 * unknown);
    }
    while (unknown - known > 1) {
      const middle = (known + unknown) >>> 1;
      if (this.#find(prompt.high(middle - 1), prompt.low(middle - 1)) >= 0) known = middle;
      else unknown = middle;
    }
    return known;
  }

  /** What is known of the last of these, which must be known. */
  last(prompt: Fingerprint, blocks: number): LastBlock {
    const entry = this.#find(prompt.high(blocks - 1), prompt.low(blocks - 1));
    const usedAt = at(this.#usedAt, entry);
    const ending = at(this.#endings, entry);
    return { usedAt, age: this.#clock - usedAt, answerBytes: ending === 0 ? undefined : ending - 1 };
  }

  /** Whether a prompt of the same session has been remembered lately. */
  knowsSession({ session }: Fingerprint): boolean {
    return session !== undefined && this.#find(session.high, session.low) >= 0;
  }

  /**
   * Makes all blocks of a prompt and its session the most recently used.
   *
   * @param answerBytes how long its answer was; 0 where it has none, or not a whole one
   */
  remember(prompt: Fingerprint, answerBytes = 0): void {
    const count = Math.min(prompt.count, this.#capacity - 1);
    const known = Math.min(count, this.match(prompt));
    const ends = prompt.isOpen ? 2 : 1;
    this.#clock += count - known;
    for (let block = count - 1; block >= 0; block--) {
      const entry = this.#touch(prompt.high(block), prompt.low(block));
      const isEnd = block >= count - ends && (block >= known || at(this.#endings, entry) > 0);
      this.#endings[entry] = isEnd ? 1 + answerBytes : 0;
    }
    if (prompt.session !== undefined) this.#touch(prompt.session.high, prompt.session.low);
  }

  /** Forgets everything: the model was unloaded, or the server was lost. */
  clear(): void {
    this.#table.fill(0);
    this.#size = 0;
    this.#newer[this.#capacity] = this.#capacity;
    this.#older[this.#capacity] = this.#capacity;
  }

  #touch(high: number, low: number): number {
    let entry = this.#find(high, low);
    if (entry >= 0) this.#unlink(entry);
    else entry = this.#add(high, low);
    this.#usedAt[entry] = this.#clock;
    const newest = at(this.#older, this.#capacity);
    this.#older[entry] = newest;
    this.#newer[entry] = this.#capacity;
    this.#newer[newest] = entry;
    this.#older[this.#capacity] = entry;
    return entry;
  }

  #add(high: number, low: number): number {
    const entry = this.#size < this.#capacity ? this.#size++ : this.#evictOldest();
    this.#high[entry] = high;
    this.#low[entry] = low;
    let place = low & this.#mask;
    while (this.#table[place] !== 0) place = (place + 1) & this.#mask;
    this.#table[place] = entry + 1;
    return entry;
  }

  #evictOldest(): number {
    const oldest = at(this.#newer, this.#capacity);
    this.#unlink(oldest);
    let gap = at(this.#low, oldest) & this.#mask;
    while (this.#table[gap] !== oldest + 1) gap = (gap + 1) & this.#mask;
    // What probed past the gap moves into it, so that no search ends too early.
    for (let place = (gap + 1) & this.#mask; this.#table[place] !== 0; place = (place + 1) & this.#mask) {
      const home = at(this.#low, at(this.#table, place) - 1) & this.#mask;
      if (((place - home) & this.#mask) < ((place - gap) & this.#mask)) continue;
      this.#table[gap] = at(this.#table, place);
      gap = place;
    }
    this.#table[gap] = 0;
    return oldest;
  }

  #unlink(entry: number): void {
    const newer = at(this.#newer, entry);
    const older = at(this.#older, entry);
    this.#older[newer] = older;
    this.#newer[older] = newer;
  }

  /** The entry with these hashes, or -1. */
  #find(high: number, low: number): number {
    for (let place = low & this.#mask;; place = (place + 1) & this.#mask) {
      const entry = at(this.#table, place) - 1;
      if (entry < 0 || (this.#low[entry] === low && this.#high[entry] === high)) return entry;
    }
  }
}

function at(values: Uint16Array | Uint32Array | Float64Array, index: number): number {
  return values[index] ?? 0;
}
