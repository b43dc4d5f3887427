/** A client as the queues know it. */
export interface QueueClient {
  /** Tells clients apart. */
  readonly name: string;
  /** Share of the slots while others want them too; more than 0. */
  readonly weight: number;
  /** Requests that may run at once, over all models; 0: no limit. */
  readonly maxInflight: number;
  /** Requests that may wait at once, over all models; 0: no limit. */
  readonly maxQueue: number;
}

interface Count {
  waiting: number;
  running: number;
}

const none: Readonly<Count> = { waiting: 0, running: 0 };

/** How many requests of each client wait and run, over the queues of all models. */
export class ClientCounts {
  readonly #counts = new Map<string, Count>();

  of(client: string): Readonly<Count> {
    return this.#counts.get(client) ?? none;
  }

  /** Whether another request of the client may wait (`maxQueue`). */
  mayWait({ name, maxQueue }: QueueClient): boolean {
    return maxQueue === 0 || this.of(name).waiting < maxQueue;
  }

  /** How many more requests of the client may run (`maxInflight`). */
  mayStart({ name, maxInflight }: QueueClient): number {
    return maxInflight === 0 ? Infinity : Math.max(0, maxInflight - this.of(name).running);
  }

  /** Notes a change. A client of whom nothing waits and nothing runs is forgotten. */
  change(client: string, waiting: number, running: number): void {
    const count = this.#counts.get(client) ?? { ...none };
    count.waiting += waiting;
    count.running += running;
    if (count.waiting === 0 && count.running === 0) this.#counts.delete(client);
    else this.#counts.set(client, count);
  }
}
