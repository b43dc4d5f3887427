import { ModeldError } from "../base/errors.ts";

/** Bytes that one request may hold however little is left, so that those with short prompts and answers still end well. */
const ALWAYS_GRANTED = 65_536;

/** What all requests of the process together may keep in memory: their bodies, and answers that clients have not read. */
export class ByteBudget {
  readonly #limit: () => number;
  #held = 0;

  /** @param limit the present one, in bytes */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** In bytes. */
  get limit(): number {
    return this.#limit();
  }

  /** Bytes that are held now. */
  get held(): number {
    return this.#held;
  }

  /** A share for one request, empty as yet. */
  share(): ByteShare {
    return new ByteShare(this, (bytes) => this.#held += bytes);
  }

  /** @throws ModeldError `overloaded` where nothing is left */
  check(): void {
    if (this.#held >= this.limit) throw this.exceeded();
  }

  exceeded(): ModeldError {
    const message = `modeld holds ${this.#held} bytes of requests and unread answers, the limit is ${this.limit} ` +
      "(--max-buffered-bytes)";
    return new ModeldError("overloaded", message, { retryAfterSeconds: 1 });
  }
}

/** What one request holds of the budget. */
export class ByteShare {
  readonly #budget: ByteBudget;
  readonly #count: (bytes: number) => void;
  #bytes = 0;
  #released = false;

  constructor(budget: ByteBudget, count: (bytes: number) => void) {
    this.#budget = budget;
    this.#count = count;
  }

  /**
   * Holds more.
   *
   * @throws ModeldError `overloaded` where the budget does not have as much
   */
  take(bytes: number): void {
    const fits = this.#budget.held + bytes <= this.#budget.limit || this.#bytes + bytes <= ALWAYS_GRANTED;
    if (!fits) throw this.#budget.exceeded();
    this.#add(bytes);
  }

  /** Gives some back. */
  give(bytes: number): void {
    this.#add(-bytes);
  }

  /** Gives back all there is; what is taken or given later does not count. */
  release(): void {
    this.#add(-this.#bytes);
    this.#released = true;
  }

  #add(bytes: number): void {
    if (this.#released) return;
    this.#bytes += bytes;
    this.#count(bytes);
  }
}
