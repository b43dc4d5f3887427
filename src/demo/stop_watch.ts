/** Looks for stop texts in a text that comes in parts, and holds back what may be the beginning of one. */
export class StopWatch {
  readonly #stops: readonly string[];
  #held = "";
  #found: string | undefined;

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== "");
  }

  /** The stop text that was found. */
  get found(): string | undefined {
    return this.#found;
  }

  /** Takes the next part and returns what is certain to come before any stop text. */
  add(part: string): string {
    this.#held += part;
    const [first] = this.#stops
      .map((stop) => ({ stop, at: this.#held.indexOf(stop) }))
      .filter(({ at }) => at !== -1)
      .sort((a, b) => a.at - b.at);
    if (first !== undefined) {
      this.#found = first.stop;
      return this.#held.slice(0, first.at);
    }
    return this.#release(this.#held.length - this.#longestBeginning());
  }

  /** Takes the last part and returns all that is left. */
  end(part: string): string {
    const before = this.add(part);
    return this.#found === undefined ? before + this.#release(this.#held.length) : before;
  }

  #release(length: number): string {
    const released = this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    return released;
  }

  /** How many of the last characters are the beginning of a stop text. */
  #longestBeginning(): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, this.#held.length); length > longest; length--) {
        if (this.#held.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
