import type { Priority } from "../base/client.ts";
import type { QueueClient } from "./client_counts.ts";
import { HeapNode } from "./indexed_heap.ts";
import { VirtualTime } from "./virtual_time.ts";

/** A request as the queue sees it. None of it changes while it waits or runs. */
export interface FairRequest {
  readonly client: QueueClient;
  /** Who shares the slots fairly with others; missing: the client, else one of those on whose behalf it asks. */
  readonly sharer?: string | undefined;
  readonly priority: Priority;
  /** On the clock that gives `now`, in ms. */
  readonly arrivedAt: number;
  /** How many it takes, at least 1 and at most as many as there are. */
  readonly slots: number;
  /** It leaves free slots to others, for a better or another server, so being passed keeps no slots from it. */
  readonly isChoosy?: boolean;
}

/** One request in the queue, and later among the running ones. */
export class Entry<R extends FairRequest> {
  readonly request: R;
  readonly line: WaitingLine<R>;
  /** Order of arrival, where `arrivedAt` is the same. */
  readonly sequence: number;
  state: "waiting" | "running" | "ended" = "waiting";
  startedAt = 0;
  /** When another request first started in its place because it needed more slots than were free. */
  passedAt: number | undefined;
  /** The client's requests of this class that arrived before and after it, while it waits. */
  previous: Entry<R> | undefined;
  next: Entry<R> | undefined;

  constructor(request: R, line: WaitingLine<R>, sequence: number) {
    this.request = request;
    this.line = line;
    this.sequence = sequence;
  }

  arrivedBefore(other: Entry<R>): boolean {
    const difference = this.request.arrivedAt - other.request.arrivedAt;
    return difference === 0 ? this.sequence < other.sequence : difference < 0;
  }
}

/** The requests of one client and one class that wait for one model, in order of arrival, and what they have used. */
export class WaitingLine<R extends FairRequest> {
  readonly client: ClientShare<R>;
  readonly priority: Priority;
  readonly time = new VirtualTime();
  /** `time.rank` when it was last put into the order; it changes only together with the place there. */
  rank = 0;
  readonly byRank: HeapNode<WaitingLine<R>> = new HeapNode<WaitingLine<R>>(this);
  readonly byAge: HeapNode<WaitingLine<R>> = new HeapNode<WaitingLine<R>>(this);
  first: Entry<R> | undefined;
  last: Entry<R> | undefined;
  length = 0;

  constructor(client: ClientShare<R>, priority: Priority) {
    this.client = client;
    this.priority = priority;
  }

  /** Puts an entry behind those that arrived before it. */
  insert(entry: Entry<R>): void {
    let before = this.last;
    if (this.first !== undefined && entry.arrivedBefore(this.first)) before = undefined;
    while (before !== undefined && entry.arrivedBefore(before)) before = before.previous;
    const after = before === undefined ? this.first : before.next;
    entry.previous = before;
    entry.next = after;
    if (before === undefined) this.first = entry;
    else before.next = entry;
    if (after === undefined) this.last = entry;
    else after.previous = entry;
    this.length++;
  }

  remove(entry: Entry<R>): void {
    if (entry.previous === undefined) this.first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === undefined) this.last = entry.previous;
    else entry.next.previous = entry.previous;
    // Whoever has left keeps nobody else alive.
    entry.previous = undefined;
    entry.next = undefined;
    this.length--;
  }
}

/** What one client, or one of those on whose behalf it asks, has in the queue of a model. */
export class ClientShare<R extends FairRequest> {
  readonly sharer: string;
  /** The client's name. */
  readonly name: string;
  weight: number;
  /** Requests of it that wait. */
  held = 0;
  /** A line for each class of which something waits or runs. */
  readonly lines = new Map<R["priority"], WaitingLine<R>>();
  readonly node: HeapNode<ClientShare<R>> = new HeapNode<ClientShare<R>>(this);

  constructor(sharer: string, { name, weight }: QueueClient) {
    this.sharer = sharer;
    this.name = name;
    this.weight = weight;
  }

  get newest(): Entry<R> | undefined {
    let newest: Entry<R> | undefined;
    for (const { last } of this.lines.values()) {
      if (newest === undefined || last?.arrivedBefore(newest) === false) newest = last ?? newest;
    }
    return newest;
  }
}
