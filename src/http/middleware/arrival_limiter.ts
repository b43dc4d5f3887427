/**
 * Lets a few pass in each turn of the event loop and the rest in later turns, first come first served. Without it, work
 * that arrives all at once advances all at once, and even the first to come is done only when nearly all are.
 */
export class Turnstile {
  readonly #perTurn: number;
  readonly #waiting: (() => void)[] = [];
  #passed = 0;
  #turning = false;

  /** @param perTurn how many pass in one turn */
  constructor(perTurn: number) {
    this.#perTurn = perTurn;
  }

  /** Resolves when it is the caller's turn: at once, unless many came in this turn of the event loop. */
  pass(): Promise<void> {
    this.#turn();
    if (this.#passed < this.#perTurn) {
      this.#passed++;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #turn(): void {
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(() => {
      this.#turning = false;
      const next = this.#waiting.splice(0, this.#perTurn);
      this.#passed = next.length;
      if (next.length > 0) this.#turn();
      for (const pass of next) pass();
    });
  }
}
