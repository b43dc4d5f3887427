/** Gives the slot back; a second call does nothing. */
export type Release = () => void;

/** The one slot of the engine: who has it generates, the others wait in order. */
export class Slot {
  #isBusy = false;
  readonly #waiting: ((has: boolean) => void)[] = [];

  get isBusy(): boolean {
    return this.#isBusy;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Waits for the slot; nothing where the signal is aborted first. */
  async take(signal: AbortSignal): Promise<Release | undefined> {
    if (signal.aborted) return undefined;
    if (this.#isBusy && !await this.#wait(signal)) return undefined;
    this.#isBusy = true;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#isBusy = false;
      else next(true);
    };
  }

  async #wait(signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const leave = () => {
      const at = this.#waiting.indexOf(resolve);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      resolve(false);
    };
    this.#waiting.push(resolve);
    signal.addEventListener("abort", leave);
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }
}
