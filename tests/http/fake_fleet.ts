import type { Chunk, Completion, GenerateRequest, Generation } from "../../src/llama/adapter.ts";
import type { Manager, ModelInfo, Readiness } from "../../src/dispatch/manager.ts";
import type { Status } from "../../src/dispatch/status.ts";
import type { Timeline } from "../../src/base/timeline.ts";

/** How fake generations end unless the test says otherwise. */
export const COMPLETION: Completion = {
  finishReason: "stop",
  usage: { promptTokens: 3, completionTokens: 2, totalTokens: 5 },
};

/** A generation whose chunks come when the test says so. Counts its own misuse as an error. */
export class FakeGeneration implements Generation {
  /** How often the next chunk was asked for. */
  reads = 0;
  readonly #signal: AbortSignal;
  readonly #release: () => void;
  readonly #chunks: Chunk[] = [];
  #endless: Chunk | undefined;
  #error: unknown;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal, release: () => void) {
    this.#signal = signal;
    this.#release = release;
    signal.addEventListener("abort", this.#aborted);
  }

  /** Fragments that arrive together. */
  push(...fragments: string[]): this {
    return this.#arrive({ fragments });
  }

  /** This fragment arrives again and again, as fast as it is asked for. */
  flow(fragment: string): this {
    this.#endless = { fragments: [fragment] };
    return this;
  }

  /** The completion arrives, with these fragments beside it. */
  complete(completion: Completion = COMPLETION, ...fragments: string[]): this {
    return this.#arrive({ fragments, completion });
  }

  /** The generation fails once what was pushed has been read. */
  fail(error: unknown): this {
    this.#error = error;
    this.#wake?.();
    return this;
  }

  async next(): Promise<Chunk> {
    this.reads++;
    if (this.#ended && !this.#signal.aborted) throw new Error("next() was called after the end");
    for (;;) {
      if (this.#signal.aborted) {
        this.#end();
        throw this.#signal.reason;
      }
      const chunk = this.#chunks.shift() ?? this.#endless;
      if (chunk?.completion !== undefined) this.#end();
      if (chunk !== undefined) return chunk;
      if (this.#error !== undefined) {
        this.#end();
        throw this.#error;
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  cancel(): void {
    this.#end();
    this.#wake?.();
  }

  #arrive(chunk: Chunk): this {
    this.#chunks.push(chunk);
    this.#wake?.();
    return this;
  }

  /** As with a real one, an abort alone gives no slot back: whoever holds the generation reads its error or cancels it. */
  readonly #aborted = () => this.#wake?.();

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal.removeEventListener("abort", this.#aborted);
    this.#release();
  }
}

/** A call of `infer`, seen from inside. */
export interface InferCall {
  readonly request: GenerateRequest;
  readonly timeline: Timeline;
  readonly signal: AbortSignal;
}

/** A manager that does what a test says, and counts slots. */
export class FakeManager implements Manager {
  readonly calls: InferCall[] = [];
  /** Slots taken now. */
  inUse = 0;
  state: Readiness = "ready";
  modelList: readonly ModelInfo[] = [];
  statusReply: Partial<Status> = {};
  /** What each generation does; it may also throw, or wait. */
  script: (generation: FakeGeneration, call: InferCall) => unknown = (generation) => {
    generation.push("Hello").push(" world").complete();
  };
  #onCall: (() => void) | undefined;

  async infer(request: GenerateRequest, timeline: Timeline, signal: AbortSignal): Promise<Generation> {
    if (signal.aborted) throw signal.reason;
    const call = { request, timeline, signal };
    this.calls.push(call);
    this.#onCall?.();
    this.inUse++;
    const generation = new FakeGeneration(signal, () => this.inUse--);
    try {
      await this.script(generation, call);
    } catch (error) {
      generation.cancel();
      throw error;
    }
    return generation;
  }

  /** Resolves when `infer` has been called that often. */
  async called(times = 1): Promise<void> {
    while (this.calls.length < times) await new Promise<void>((resolve) => this.#onCall = resolve);
  }

  models(): readonly ModelInfo[] {
    return this.modelList;
  }

  status(): Status {
    return this.statusReply as Status;
  }

  readiness(): Readiness {
    return this.state;
  }

  start(): void {}
  open(): void {}
  drain(): void {}
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Waits for the signal's abort and throws its reason, as a wait in the queue does. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
