import { ModeldError } from "../../base/errors.ts";
import { LinkedList } from "../../base/list.ts";

/** Requests that begin in one turn of the event loop. Of 400 at once half have their first token in half the time. */
const PER_TURN = 2;
/** Requests that may wait for their turn. */
const LONGEST = 10_000;

/**
 * Lets a few requests begin in each turn of the event loop and the rest in later turns, first come first served. Without
 * it, work that arrives all at once advances all at once, and even the first to come is done only when nearly all are.
 */
export class ArrivalLimiter {
  readonly #perTurn: number;
  readonly #longest: number;
  readonly #queue = new LinkedList<() => void>();
  #waiting = 0;
  #begun = 0;
  #turning = false;

  constructor(perTurn = PER_TURN, longest = LONGEST) {
    this.#perTurn = perTurn;
    this.#longest = longest;
  }

  /** Requests that wait for their turn. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Resolves when it is the caller's turn: at once, unless many came in this turn of the event loop.
   *
   * @throws ModeldError `overloaded`, or the signal's reason
   */
  pass(signal: AbortSignal): Promise<void> {
    this.#turn();
    if (this.#begun < this.#perTurn) {
      this.#begun++;
      return Promise.resolve();
    }
    if (this.#waiting >= this.#longest) {
      const message = `${this.#waiting} requests came at once; try again`;
      return Promise.reject(new ModeldError("overloaded", message, { retryAfterSeconds: 1 }));
    }
    return this.#wait(signal);
  }

  #wait(signal: AbortSignal): Promise<void> {
    this.#waiting++;
    return new Promise<void>((resolve, reject) => {
      const place = this.#queue.add(() => {
        signal.removeEventListener("abort", leave);
        resolve();
      });
      const leave = () => {
        place.remove();
        reject(signal.reason);
      };
      if (signal.aborted) leave();
      else signal.addEventListener("abort", leave, { once: true });
    }).finally(() => this.#waiting--);
  }

  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      this.#begun = 0;
      if (this.#queue.first !== undefined) this.#turn();
      for (; this.#begun < this.#perTurn && this.#queue.first !== undefined; this.#begun++) {
        const begin = this.#queue.first;
        this.#queue.removeFirst();
        begin();
      }
    });
  }
}
