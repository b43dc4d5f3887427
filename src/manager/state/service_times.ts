const WINDOW = 64;
/** Weight of the newest sample in the moving average. */
const NEWEST = 0.2;

/** What recent requests of one instance took, in ms; of bounded size. */
export class ServiceTimes {
  readonly #waits = new Float64Array(WINDOW);
  #count = 0;
  #service: number | undefined;

  /** Notes how long a request waited for its slot. */
  waited(ms: number): void {
    this.#waits[this.#count % WINDOW] = ms;
    this.#count++;
  }

  /** Notes how long a request held its slot. */
  served(ms: number): void {
    this.#service = this.#service === undefined ? ms : this.#service + NEWEST * (ms - this.#service);
  }

  /** How long a request holds a slot, on recent average; undefined before the first has ended. */
  get service(): number | undefined {
    return this.#service;
  }

  /** Median wait of the last requests that got a slot; 0 before the first. */
  get waitMedian(): number {
    const sorted = this.#waits.slice(0, Math.min(this.#count, WINDOW)).sort();
    return sorted[sorted.length >> 1] ?? 0;
  }
}
