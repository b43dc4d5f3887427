import type { Chunk, Generation } from "../llama/adapter.ts";
import { asModeldError } from "./server_calls.ts";
import type { Ending } from "./state/events.ts";

/** A generation that gives its slot back when it ends, once, whatever ends it. */
export class SlottedGeneration implements Generation {
  readonly #inner: Generation;
  #release: ((ending: Ending) => void) | undefined;

  constructor(inner: Generation, release: (ending: Ending) => void) {
    this.#inner = inner;
    this.#release = release;
  }

  async next(): Promise<Chunk> {
    try {
      const chunk = await this.#inner.next();
      if (chunk.completion !== undefined) this.#end({ kind: "completed" });
      return chunk;
    } catch (error) {
      this.#end({ kind: "failed", error: asModeldError(error) });
      throw error;
    }
  }

  cancel(): void {
    this.#inner.cancel();
    this.#end({ kind: "cancelled" });
  }

  #end(ending: Ending): void {
    const release = this.#release;
    this.#release = undefined;
    release?.(ending);
  }
}
