import { ModeldError } from "../errors.ts";

/** What stands in the place of the key. */
const MASK = "***";
/** A piece of the key that is shorter than this tells nothing. */
const SHORTEST_PIECE = 4;

/** Takes llama-server's own key out of what llama-server says about a failure: some builds and proxies quote it. */
export class KeyMask {
  readonly #forms: readonly string[];

  /** @param key missing: there is nothing to mask */
  constructor(key: string | undefined) {
    // In text that is quoted as it came, the key stands as JSON has it.
    this.#forms = key === undefined ? [] : [...new Set([key, JSON.stringify(key).slice(1, -1)])];
  }

  /** The result of the work; a failure comes without the key. */
  async apply<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw this.error(error);
    }
  }

  /** The error itself, or one of the same kind without the key in its words. */
  error(error: unknown): unknown {
    if (!(error instanceof ModeldError)) return error;
    const masked = error.reworded((text) => this.#text(text));
    const same = masked.message === error.message && masked.logMessage === error.logMessage &&
      masked.upstreamType === error.upstreamType;
    return same ? error : masked;
  }

  #text(text: string): string {
    let masked = text;
    for (const form of this.#forms) {
      masked = masked.replaceAll(form, MASK);
      // An excerpt may have been cut in the midst of it.
      for (let length = form.length - 1; length >= SHORTEST_PIECE; length--) {
        masked = masked.replaceAll(`${form.slice(0, length)}...`, `${MASK}...`);
      }
    }
    return masked;
  }
}
