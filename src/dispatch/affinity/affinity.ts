import { MovingRatio } from "../estimates.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { RecentBlocks } from "./recent_blocks.ts";

/** What a session that is known adds to what is known of its prompt, in bytes: one block. */
const SESSION_BYTES = 64;
/** Where the cache had less than this part of a conversation, it had been thrown out. */
const GONE_BELOW = 0.5;

/** What is known of a prompt on one server. */
export interface Match {
  /** Length of the prefix that was sent there before, in bytes. */
  readonly bytes: number;
  /** Length of the answer that followed it there, where the prompt continues it, in bytes. */
  readonly answerBytes: number;
  /** How much of the prompt is expected to be in the cache still, in bytes; one block more where the session is known. */
  readonly expectedBytes: number;
  /** The same; for a conversation what its last turn left there, whether or not it has been thrown out since. */
  readonly historyBytes: number;
  /** Whether the prefix is a whole earlier prompt that nothing has continued yet, and not a part that several share. */
  readonly continues: boolean;
  /** When the end of the prefix was last used there, by the clock of the blocks. */
  readonly usedAt: number;
  /** How much was computed there since, as a power of 2 in blocks. */
  readonly age: number;
  /** It holds as long as this is the affinity's version. */
  readonly version: number;
}

/**
 * Which prompts one server has in its cache for one model.
 *
 * It remembers what was sent and answered there, not what the server threw away since, nor that a busy slot's cache cannot
 * be shared. So it learns from each answer's `cache_n`:
 *
 * - Where a conversation was thrown out, so was all that had been used there no later: llama-server throws out what was
 *   least recently used. None of that is expected any more.
 * - Of a prefix that several prompts share, and of an answer, it learns which part was there, by how much had been computed
 *   in between. A shared prefix may be missing only because the slot that has it is busy.
 */
export class Affinity {
  readonly #blocks: RecentBlocks;
  readonly #keptShared: MovingRatio[] = [];
  readonly #keptAnswers: MovingRatio[] = [];
  /** What was used until then has been thrown out; undefined where nothing is known to be. */
  #goneUntil: number | undefined;
  #version = 0;

  constructor(blocks: RecentBlocks = new RecentBlocks()) {
    this.#blocks = blocks;
  }

  /** @param last what it found for this prompt before, which saves the search where nothing has changed since */
  match(prompt: Fingerprint, last?: Match): Match {
    const version = this.#version;
    if (last?.version === version) return last;
    const session = this.#blocks.knowsSession(prompt) ? SESSION_BYTES : 0;
    const blocks = this.#blocks.match(prompt);
    if (blocks === 0) return { ...NOTHING, expectedBytes: session, historyBytes: session, version };
    const bytes = prompt.bytesOf(blocks);
    const { usedAt, age: blocksSince, answerBytes: answer } = this.#blocks.last(prompt, blocks);
    const age = 32 - Math.clz32(blocksSince);
    const continues = answer !== undefined;
    const answerBytes = Math.min(answer ?? 0, prompt.bytes - bytes);
    const there = continues
      ? bytes + answerBytes * (this.#keptAnswers[age]?.value ?? 1)
      : bytes * (this.#keptShared[age]?.value ?? 1);
    const expectedBytes = (this.#isGone(usedAt) ? 0 : there) + session;
    const historyBytes = continues ? there + session : expectedBytes;
    return { bytes, answerBytes, expectedBytes, historyBytes, continues, usedAt, age, version };
  }

  /**
   * Notes that the prompt is in a slot there that is idle again: it was computed, or its request has ended.
   *
   * @param answerBytes how long its answer was, which is in the slot as well; 0 where it has none, or not a whole one
   */
  remember(prompt: Fingerprint, answerBytes = 0): void {
    this.#version++;
    this.#blocks.remember(prompt, answerBytes);
  }

  /**
   * Learns from an answer.
   *
   * @param match what was known when the prompt was sent
   * @param cachedBytes what really was in the cache: llama-server's `cache_n` in bytes
   */
  learn({ bytes, answerBytes, continues, usedAt, age }: Match, cachedBytes: number): void {
    if (bytes === 0) return;
    this.#version++;
    if (!continues) {
      (this.#keptShared[age] ??= new MovingRatio()).add(Math.min(bytes, cachedBytes), bytes);
      return;
    }
    const answerFound = Math.min(answerBytes, Math.max(0, cachedBytes - bytes));
    (this.#keptAnswers[age] ??= new MovingRatio()).add(answerFound, answerBytes);
    // A turn without a whole answer may not have been computed to its end.
    if (answerBytes > 0 && cachedBytes < GONE_BELOW * bytes && !this.#isGone(usedAt)) this.#goneUntil = usedAt;
  }

  /** Forgets everything that was sent there: the model was unloaded, or the server was lost. */
  clear(): void {
    this.#version++;
    this.#goneUntil = undefined;
    this.#blocks.clear();
  }

  #isGone(usedAt: number): boolean {
    return this.#goneUntil !== undefined && usedAt <= this.#goneUntil;
  }
}

/** What is known of a prompt that was never sent there. */
const NOTHING = { bytes: 0, answerBytes: 0, continues: false, usedAt: 0, age: 0 } as const;
