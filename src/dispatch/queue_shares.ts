import { IndexedHeap } from "./indexed_heap.ts";
import type { QueueClient } from "./client_counts.ts";
import type { ClientShare, Entry, FairRequest } from "./waiting_line.ts";

/** Who holds how much of a queue: a full one is shared by weight as well. */
export class QueueShares<R extends FairRequest> {
  readonly #byExcess = new IndexedHeap<ClientShare<R>>((one, other) =>
    one.held * other.weight > other.held * one.weight
  );
  #held = 0;
  /** Of all clients that hold something. */
  #weight = 0;

  /** Requests that wait. */
  get held(): number {
    return this.#held;
  }

  /** Notes that a client holds so many more, or fewer. */
  change(share: ClientShare<R>, requests: number): void {
    const before = share.held;
    share.held += requests;
    this.#held += requests;
    if (before === 0) {
      this.#weight += share.weight;
      this.#byExcess.add(share.node);
    } else if (share.held === 0) {
      // Sums of fractions do not come back to 0 by themselves.
      this.#weight = this.#held === 0 ? 0 : this.#weight - share.weight;
      this.#byExcess.remove(share.node);
    } else {
      this.#byExcess.move(share.node);
    }
  }

  /** Gives a client another weight. */
  reweigh(share: ClientShare<R>, weight: number): void {
    if (share.held > 0) this.#weight += weight - share.weight;
    share.weight = weight;
    if (share.held > 0) this.#byExcess.move(share.node);
  }

  /**
   * Who must leave a full queue of `limit` for a request of this client: the newest request of the client furthest above
   * its share, by the factor; nobody where this client has its own share already.
   */
  makeRoom(client: QueueClient, share: ClientShare<R> | undefined, limit: number): Entry<R> | undefined {
    const held = share?.held ?? 0;
    const weight = this.#weight + (held === 0 ? client.weight : 0);
    return held * weight < limit * client.weight ? this.#byExcess.first?.newest : undefined;
  }
}
