import type { Clock, Timer } from "../../base/clock.ts";
import { ModeldError } from "../../base/errors.ts";

/** How long llama-server may be silent while somebody waits for it, in ms; 0 is for ever. */
export interface SilenceLimits {
  /** Until the first token. */
  readonly firstToken: number;
  /** Between tokens. */
  readonly idle: number;
}

/**
 * Watches one generation for silence of llama-server while somebody waits for it; any bytes, a comment too, break it.
 * Time in which nobody waits does not count. One timer serves many waits: it is set when none is running, and when it
 * fires it looks how long the present wait has lasted. So a token costs no timer of its own.
 */
export class SilenceWatch {
  readonly #limits: SilenceLimits;
  readonly #clock: Clock;
  readonly #passed: (error: ModeldError) => void;
  #phase: keyof SilenceLimits = "firstToken";
  #waitingSince: number | undefined;
  #timer: Timer | undefined;

  /** @param passed called once, when a silence has lasted too long; the error says which deadline passed. */
  constructor(limits: SilenceLimits, clock: Clock, passed: (error: ModeldError) => void) {
    this.#limits = limits;
    this.#clock = clock;
    this.#passed = passed;
  }

  /** Somebody waits from now on, in a silence that begins now. */
  wait(): void {
    const limit = this.#limits[this.#phase];
    if (limit === 0) return;
    this.#waitingSince = this.#clock.now();
    this.#timer ??= this.#clock.after(limit, this.#look);
  }

  /** Nobody waits any more: a token is here. */
  tokenArrived(): void {
    this.#waitingSince = undefined;
    if (this.#phase === "idle") return;
    this.release();
    this.#phase = "idle";
  }

  /** Gives the timer back. */
  release(): void {
    this.#waitingSince = undefined;
    this.#timer?.clear();
    this.#timer = undefined;
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    if (this.#waitingSince === undefined) return;
    const limit = this.#limits[this.#phase];
    const left = this.#waitingSince + limit - this.#clock.now();
    if (left > 0) this.#timer = this.#clock.after(left, this.#look);
    else this.#passed(silenceError(this.#phase, limit));
  };
}

function silenceError(phase: keyof SilenceLimits, limit: number): ModeldError {
  return phase === "firstToken"
    ? new ModeldError(
      "first_token_timeout",
      `llama-server was silent for ${limit} ms before its first token (--llama-first-token-timeout)`,
    )
    : new ModeldError("idle_timeout", `llama-server was silent for ${limit} ms between tokens (--llama-idle-timeout)`);
}
