import { shuttingDown } from "../../errors.ts";
import { LinkedList } from "../../linked_list.ts";
import type { LogLevel } from "../../telemetry/log_level.ts";
import { Inference, type InferenceOptions } from "./inference.ts";

/** The inferences that run in this process, so that a shutdown can wait for them and end those that take too long. */
export class Inferences {
  readonly #options: InferenceOptions;
  readonly #running = new LinkedList<Inference>();
  #draining = false;
  #onIdle: (() => void) | undefined;

  constructor(options: InferenceOptions) {
    this.#options = options;
  }

  /** Whether new ones are turned away. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Begins one, logged at `logLevel`, else at the daemon's; while draining it is aborted from the start. */
  begin(requestId: string, request: Request, logLevel?: LogLevel): Inference {
    const inference = new Inference(requestId, request, this.#options, logLevel);
    const running = this.#running.add(inference);
    inference.onEnd(() => {
      running.remove();
      if (this.#running.first === undefined) this.#onIdle?.();
    });
    if (this.#draining) inference.abort(shuttingDown());
    return inference;
  }

  /** New ones are turned away from now on; those that run go on. */
  drain(): void {
    this.#draining = true;
  }

  /** Waits at most `ms` until none runs. */
  async idle(ms: number): Promise<void> {
    if (this.#running.first === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(ms, resolve);
    this.#onIdle = resolve;
    await promise;
    timer.clear();
  }

  /** Makes those that run fail, so that each writes its error line and ends. */
  abortAll(): void {
    for (const inference of this.#running.toArray()) inference.abort(shuttingDown());
  }

  /** Ends those that run, told or not. */
  endAll(): void {
    for (const inference of this.#running.toArray()) inference.fail(shuttingDown());
  }
}
