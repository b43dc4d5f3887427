import type { Clock, Timer } from "../base/clock.ts";
import type { Logger, Properties } from "./log.ts";

/** How often something may be logged that clients can cause as often as they like. */
export interface LogLimit {
  /** Lines within one window; what is beyond is counted. */
  readonly lines: number;
  /** Length of a window in ms; it begins with its first line. */
  readonly windowMs: number;
}

/** A log that cannot be flooded: so many lines a window, then one line that says how many were left out. */
export class LimitedLog {
  readonly #log: Logger;
  readonly #limit: LogLimit;
  readonly #clock: Clock;
  #window: Timer | undefined;
  #lines = 0;
  #leftOut = 0;
  #lastMessage = "";

  constructor(log: Logger, limit: LogLimit, clock: Clock) {
    this.#log = log;
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Logs a warning, or counts it. @param text as in `Logger.log` */
  warn(message: string, properties?: Properties, text?: () => string): void {
    if (this.admits(message)) this.#log.log("warn", message, properties, text);
  }

  /** Whether the caller may log a line of its own now; one that may not is counted under this message. */
  admits(message: string): boolean {
    this.#window ??= this.#clock.after(this.#limit.windowMs, this.#endWindow);
    if (this.#lines < this.#limit.lines) {
      this.#lines++;
      return true;
    }
    this.#leftOut++;
    this.#lastMessage = message;
    return false;
  }

  /** Says what was left out so far, and gives the timer back. */
  close(): void {
    this.#window?.clear();
    this.#endWindow();
  }

  readonly #endWindow = (): void => {
    this.#window = undefined;
    this.#lines = 0;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    if (leftOut > 0) this.#log.warn(`${this.#lastMessage} (more of these)`, { left_out: leftOut });
  };
}
