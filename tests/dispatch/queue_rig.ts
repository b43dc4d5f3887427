import { ClientCounts, type QueueClient } from "../../src/dispatch/client_counts.ts";
import { FairQueue, type FairQueueOptions } from "../../src/dispatch/fair_queue.ts";
import type { Entry, FairRequest } from "../../src/dispatch/waiting_line.ts";

/** A request with a name for the tests to read. */
export interface NamedRequest extends FairRequest {
  readonly name: string;
}

type Terms = Partial<Pick<FairRequest, "priority" | "slots" | "sharer">>;

/** A queue under test, its clock, and short ways to use it. */
export class QueueRig {
  now = 0;
  readonly counts: ClientCounts;
  readonly queue: FairQueue<NamedRequest>;
  readonly #clients = new Map<string, QueueClient>();

  constructor(options: Partial<FairQueueOptions> = {}, counts = new ClientCounts()) {
    this.counts = counts;
    this.queue = new FairQueue(() => ({ ageing: 10_000, maxPassed: 2_000, ...options }), counts);
  }

  /** Says what a client may; without it, it has weight 1 and no limits. */
  client(name: string, terms: Partial<QueueClient>): void {
    this.#clients.set(name, { name, weight: 1, maxInflight: 0, maxQueue: 0, ...terms });
  }

  /** A request named as `chat-1`: of client `chat`. */
  request(name: string, terms: Terms = {}): NamedRequest {
    const [client = ""] = name.split("-");
    if (!this.#clients.has(client)) this.client(client, {});
    return {
      name,
      client: this.#clients.get(client) as QueueClient,
      priority: "default",
      slots: 1,
      arrivedAt: this.now,
      ...terms,
    };
  }

  /** Lets requests wait. */
  add(...names: string[]): Entry<NamedRequest>[] {
    return names.map((name) => this.addOne(name));
  }

  addOne(name: string, terms: Terms = {}): Entry<NamedRequest> {
    const added = this.queue.add(this.request(name, terms), this.now, Infinity);
    if ("full" in added) throw new Error(`${name} was refused`);
    return added.entry;
  }

  /** Starts what goes next. */
  start(canStart: (request: NamedRequest) => boolean = () => true): Entry<NamedRequest> | undefined {
    const entry = this.queue.next(this.now, canStart);
    if (entry !== undefined) this.queue.start(entry, this.now);
    return entry;
  }

  end(entry: Entry<NamedRequest> | undefined): number {
    return entry === undefined ? 0 : this.queue.end(entry, this.now);
  }

  /** The names in the order in which they would go now. */
  order(): string[] {
    return [...this.queue.inOrder(this.now)].map(({ request }) => request.name);
  }

  /** Runs everything through one slot, each for so long (ms); the names in the order in which they went. */
  drain(service: number): string[] {
    const names: string[] = [];
    for (let entry = this.start(); entry !== undefined; entry = this.start()) {
      names.push(entry.request.name);
      this.now += service;
      this.end(entry);
    }
    return names;
  }
}
