import { HeapNode, IndexedHeap } from "./indexed_heap.ts";
import { VirtualTime } from "./virtual_time.ts";
import type { Entry, FairRequest, WaitingLine } from "./waiting_line.ts";

/** The clients that have requests of one class, in the order of their use. */
export class PriorityClass<R extends FairRequest> {
  /** Of the class as a whole, against the other classes; its weight is that of its active clients together. */
  readonly time = new VirtualTime();
  /** Whether it competes with the other classes that may go now. */
  competes = false;
  readonly #byRank = new IndexedHeap<WaitingLine<R>>((one, other) =>
    one.rank === other.rank ? headBefore(one, other) : one.rank < other.rank
  );
  readonly #byAge = new IndexedHeap<WaitingLine<R>>(headBefore);
  /** The lines that hold slots. */
  readonly #running = new Set<WaitingLine<R>>();
  #activeLines = 0;

  /** Its requests that wait. */
  get length(): number {
    let length = 0;
    for (const line of this.#byRank.values()) length += line.length;
    return length;
  }

  /** Takes in a client that had been idle: it starts at the least virtual time of those that take part. */
  join(line: WaitingLine<R>, weight: number, now: number, mayStart: (line: WaitingLine<R>) => number): void {
    this.time.charge(now);
    line.time.used = this.#leastUsed(mayStart);
    line.time.weight = weight;
    this.time.weight += weight;
    this.#activeLines++;
  }

  /** Lets a client go of whom nothing waits and nothing runs. */
  leave(line: WaitingLine<R>, now: number): void {
    this.time.charge(now);
    this.#activeLines--;
    // Sums of fractions do not come back to 0 by themselves.
    this.time.weight = this.#activeLines === 0 ? 0 : this.time.weight - line.time.weight;
    if (this.#activeLines === 0) this.competes = false;
  }

  /** Gives a client another weight. */
  reweigh(line: WaitingLine<R>, weight: number, now: number): void {
    this.time.charge(now);
    line.time.charge(now);
    this.time.weight += weight - line.time.weight;
    line.time.weight = weight;
  }

  /** Notes that a client holds so many more slots, or fewer. */
  hold(line: WaitingLine<R>, slots: number, now: number): void {
    for (const time of [this.time, line.time]) {
      time.charge(now);
      time.slots += slots;
    }
    if (line.time.slots > 0) this.#running.add(line);
    else this.#running.delete(line);
  }

  /** Puts a line where it belongs after its first entry, its use or its slots have changed. */
  place(line: WaitingLine<R>, expectedRest: number): void {
    line.rank = line.time.rank(expectedRest);
    if (line.first === undefined) {
      this.#byRank.remove(line.byRank);
      this.#byAge.remove(line.byAge);
    } else if (line.byRank.index < 0) {
      this.#byRank.add(line.byRank);
      this.#byAge.add(line.byAge);
    } else {
      this.#byRank.move(line.byRank);
      this.#byAge.move(line.byAge);
    }
  }

  /** Charges what runs, and puts its lines where they belong then. */
  charge(now: number, expectedRest: number): void {
    this.time.charge(now);
    for (const line of this.#running) {
      line.time.charge(now);
      line.rank = line.time.rank(expectedRest);
      if (line.first !== undefined) this.#byRank.move(line.byRank);
    }
  }

  /** The request that has waited longest among those whose clients may start one. */
  oldest(mayStart: (line: WaitingLine<R>) => number): Entry<R> | undefined {
    for (const line of this.#byAge.inOrder()) {
      if (mayStart(line) > 0) return line.first;
    }
    return undefined;
  }

  /** The lines with waiting requests, in no order. */
  lines(): Iterable<WaitingLine<R>> {
    return this.#byRank.values();
  }

  /**
   * The waiting requests in the order in which they would start if each ran as long as expected; those that their
   * client's `maxInflight` holds back are left out.
   */
  *inOrder(
    expectedRest: number,
    mayStart: (line: WaitingLine<R>) => number,
  ): Generator<Entry<R>, void, undefined> {
    const later = new IndexedHeap<Turn<R>>(turnBefore);
    const lines = this.#byRank.inOrder();
    let fresh = nextTurn(lines, mayStart);
    for (;;) {
      const waiting = later.first;
      const turn = fresh !== undefined && (waiting === undefined || turnBefore(fresh, waiting)) ? fresh : waiting;
      if (turn === undefined) return;
      yield turn.entry;
      if (turn === fresh) fresh = nextTurn(lines, mayStart);
      else later.removeFirst();
      const { entry: { line, next, request }, rank, left } = turn;
      if (next === undefined || left === 1) continue;
      const after = rank + line.time.advance(request.slots, expectedRest);
      later.add(new HeapNode({ entry: next, rank: after, left: left - 1 }));
    }
  }

  #leastUsed(mayStart: (line: WaitingLine<R>) => number): number {
    let least = nextTurn(this.#byRank.inOrder(), mayStart)?.rank ?? Infinity;
    for (const { time } of this.#running) least = Math.min(least, time.used);
    return least === Infinity ? 0 : least;
  }
}

/** A request at the time when its turn would come. */
interface Turn<R extends FairRequest> {
  readonly entry: Entry<R>;
  readonly rank: number;
  /** How many of its client may start, with this one. */
  readonly left: number;
}

function turnBefore<R extends FairRequest>(one: Turn<R>, other: Turn<R>): boolean {
  return one.rank === other.rank ? one.entry.arrivedBefore(other.entry) : one.rank < other.rank;
}

/** The first turn of the next client that may start something. */
function nextTurn<R extends FairRequest>(
  lines: Iterator<WaitingLine<R>, void>,
  mayStart: (line: WaitingLine<R>) => number,
): Turn<R> | undefined {
  for (let line = lines.next(); !line.done; line = lines.next()) {
    const { first: entry, rank } = line.value;
    const left = mayStart(line.value);
    if (entry !== undefined && left > 0) return { entry, rank, left };
  }
  return undefined;
}

function headBefore<R extends FairRequest>(one: WaitingLine<R>, other: WaitingLine<R>): boolean {
  return one.first !== undefined && other.first !== undefined && one.first.arrivedBefore(other.first);
}
