import type { Clock } from "../clock.ts";
import { ModeldError } from "../errors.ts";
import { Inference, type InferenceOptions } from "./inference.ts";

/** The inferences that run in this process, so that a shutdown can wait for them and end those that take too long. */
export class Inferences {
  readonly #options: InferenceOptions;
  readonly #running = new Set<Inference>();
  #draining = false;
  #idle: (() => void) | undefined;

  constructor(options: InferenceOptions) {
    this.#options = options;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Begins one; while draining it is aborted from the start. */
  begin(requestId: string, request: Request): Inference {
    const inference = new Inference(requestId, request, this.#options, this.#ended);
    this.#running.add(inference);
    if (this.#draining) inference.abort(shuttingDown());
    return inference;
  }

  /** New ones are turned away from now on; those that run go on. */
  drain(): void {
    this.#draining = true;
  }

  /** Resolves when none runs; those that still do after `timeoutMs` are aborted. */
  async stop(timeoutMs: number, clock: Clock): Promise<void> {
    this.drain();
    if (this.#running.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle = resolve;
    const deadline = clock.after(timeoutMs, () => {
      for (const inference of this.#running) inference.abort(shuttingDown());
    });
    await promise;
    deadline.clear();
  }

  readonly #ended = (inference: Inference) => {
    this.#running.delete(inference);
    if (this.#running.size === 0) this.#idle?.();
  };
}

function shuttingDown(): ModeldError {
  return new ModeldError("shutting_down", "modeld is stopping; ask again", { retryAfterSeconds: 1 });
}
