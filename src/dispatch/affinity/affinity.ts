import { MovingRatio } from "../estimates.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { RecentBlocks } from "./recent_blocks.ts";

/** What a session that is known adds to what is known of its prompt, in bytes: one block. */
const SESSION_BYTES = 64;

/** What is known of a prompt on one server. */
export interface Match {
  /** Length of the prefix that was sent there before, in bytes. */
  readonly bytes: number;
  /** How much of it is expected to be in the cache still, in bytes; one block more where the session is known. */
  readonly expectedBytes: number;
  /** Whether the prefix is a whole earlier prompt that nothing has continued yet, and not a part that several share. */
  readonly continues: boolean;
  /** How much was computed there since, as a power of 2 in blocks. */
  readonly age: number;
  /** It holds as long as this is the affinity's version. */
  readonly version: number;
}

/**
 * Which prompts one server has in its cache for one model.
 *
 * It remembers what was sent there, not what the server threw away since, nor that a busy slot's cache cannot be shared.
 * So it learns from each answer how much of a shared prefix was true, by how much had been computed there in between. A
 * conversation is always expected where its last turn was: even where its cache is gone, this turn fills it again, while
 * a conversation that moves pushes out those of others.
 */
export class Affinity {
  readonly #blocks: RecentBlocks;
  readonly #kept: MovingRatio[] = [];
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
    if (blocks === 0) return { bytes: 0, expectedBytes: session, continues: false, age: 0, version };
    const bytes = prompt.bytesOf(blocks);
    const age = 32 - Math.clz32(this.#blocks.age(prompt, blocks));
    const continues = this.#blocks.isWhole(prompt, blocks);
    const kept = continues ? 1 : this.#kept[age]?.value ?? 1;
    return { bytes, expectedBytes: kept * bytes + session, continues, age, version };
  }

  /** Notes that the prompt is in a slot there that is idle again: it was computed, or its request has ended. */
  remember(prompt: Fingerprint): void {
    this.#version++;
    this.#blocks.remember(prompt);
  }

  /**
   * Learns from an answer.
   *
   * @param match what was known when the prompt was sent
   * @param cachedBytes what really was in the cache: llama-server's `cache_n` in bytes
   */
  learn({ bytes, age, continues }: Match, cachedBytes: number): void {
    if (continues || bytes === 0) return;
    this.#version++;
    (this.#kept[age] ??= new MovingRatio()).add(Math.min(bytes, cachedBytes), bytes);
  }

  /** Forgets everything that was sent there: the model was unloaded, or the server was lost. */
  clear(): void {
    this.#version++;
    this.#blocks.clear();
  }
}
