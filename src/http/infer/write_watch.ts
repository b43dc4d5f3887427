import type { Clock, Timer } from "../../clock.ts";
import { ModeldError } from "../../errors.ts";
import type { Deadlines } from "../../deadlines.ts";
import { asModeldError } from "../error_reply.ts";
import type { Inference } from "./inference.ts";

/** What watching a client needs. */
export interface WriteWatchOptions {
  readonly clock: Clock;
  /** Without the client taking a byte. */
  readonly writeDeadlines: Deadlines;
}

/** Ends an inference whose client takes nothing of what was written for too long. */
export class WriteWatch {
  /** Whether the client has taken everything that was written, and asks for more. */
  taken = true;
  /** When something was last written. */
  wroteAt = -Infinity;
  readonly #inference: Inference;
  readonly #options: WriteWatchOptions;
  #deadline: Timer | undefined;

  constructor(inference: Inference, options: WriteWatchOptions) {
    this.#inference = inference;
    this.#options = options;
  }

  /** Begins; `release` is to be called at the end. */
  start(): void {
    this.#deadline = this.#options.writeDeadlines.set(this.#check);
  }

  /** Something is written now. */
  wrote(): void {
    this.taken = false;
    this.wroteAt = this.#options.clock.now();
  }

  release(): void {
    this.#deadline?.clear();
  }

  /** Looks at the client only when the deadline may have passed, so that a write costs no timer. */
  readonly #check = (): void => {
    const { clock, writeDeadlines: { ms } } = this.#options;
    const left = this.taken ? ms : this.wroteAt + ms - clock.now();
    if (left > 0) {
      this.#deadline = clock.after(left, this.#check);
      return;
    }
    this.#inference.abort(new ModeldError("write_timeout", `the client took nothing for ${ms} ms (--write-timeout)`));
    this.#inference.fail(asModeldError(this.#inference.signal.reason));
  };
}
