import type { Clock } from "../../base/clock.ts";
import { MovingDeadline } from "../../base/deadlines.ts";
import { ModeldError } from "../../base/errors.ts";

/** How long llama-server may be silent while somebody waits for it, in ms; 0 is for ever. */
export interface SilenceLimits {
  /** Until the first token. */
  readonly firstToken: number;
  /** Between tokens. */
  readonly idle: number;
}

/**
 * Watches one exchange for silence of llama-server while somebody waits for it; any bytes, those of a comment too, end a
 * silence. Time in which nobody waits does not count.
 */
export class SilenceWatch {
  readonly #limits: SilenceLimits;
  readonly #clock: Clock;
  readonly #deadline: MovingDeadline;
  #phase: keyof SilenceLimits = "firstToken";

  /** @param passed called once, when a silence has lasted too long; the error says which deadline passed. */
  constructor(limits: SilenceLimits, clock: Clock, passed: (error: ModeldError) => void) {
    this.#limits = limits;
    this.#clock = clock;
    this.#deadline = new MovingDeadline(clock, () => passed(silenceError(this.#phase, limits[this.#phase])));
  }

  /** Whether it must hear of the first token, which nobody looks for where no silence is too long. */
  get awaitsFirstToken(): boolean {
    return this.#phase === "firstToken" && (this.#limits.firstToken > 0 || this.#limits.idle > 0);
  }

  /** Somebody waits from now on, in a silence that begins now. */
  wait(): void {
    const limit = this.#limits[this.#phase];
    if (limit > 0) this.#deadline.moveTo(this.#clock.now() + limit);
  }

  /** Nobody waits any more. */
  pause(): void {
    this.#deadline.moveTo(Infinity);
  }

  /** The first token is here: from now on the idle deadline holds. */
  firstTokenArrived(): void {
    this.release();
    this.#phase = "idle";
  }

  /** Releases the timer. */
  release(): void {
    this.#deadline.clear();
  }
}

function silenceError(phase: keyof SilenceLimits, limit: number): ModeldError {
  return phase === "firstToken"
    ? new ModeldError(
      "first_token_timeout",
      `llama-server was silent for ${limit} ms before its first token (--llama-first-token-timeout)`,
    )
    : new ModeldError("idle_timeout", `llama-server was silent for ${limit} ms between tokens (--llama-idle-timeout)`);
}
