import { priorities } from "../base/client.ts";
import type { ClientCounts, QueueClient } from "./client_counts.ts";
import { PriorityClass } from "./priority_class.ts";
import { QueueShares } from "./queue_shares.ts";
import { ClientShare, Entry, type FairRequest, WaitingLine } from "./waiting_line.ts";

/** How the queues of all models order their requests. All times are in ms. */
export interface FairQueueOptions {
  /** After each such time of waiting a request counts one class higher; 0: never. */
  readonly ageing: number;
  /** How long others may start in place of a request that needs more slots than are free. */
  readonly maxPassed: number;
}

/** What became of a request that came to the queue. */
export type Added<R extends FairRequest> =
  /** It waits. `evicted` had to leave for it: it is out of the queue and must be refused with `queue_full`. */
  | { readonly entry: Entry<R>; readonly evicted: R | undefined }
  /** It must be refused with `queue_full`: by the limit of the queue, or by its client's `maxQueue`. */
  | { readonly full: "queue" | "client" };

/** How long a request is taken to hold its slots before any has ended, in ms. */
const unknownService = 1_000;
/** Weight of the newest service time in the moving average. */
const newest = 0.2;
/** Requests that cannot start are looked past this many times in one `next`, so that its time is bounded. */
const lookahead = 256;

/**
 * The requests that wait for one model, and who goes next: the higher class first, in a class the client that has used
 * the least slot time for its weight, of a client the request that came first (docs/adr/0080).
 *
 * It also knows what runs, because use is charged while it happens. It sets no timers and starts nothing: time comes in as
 * `now` (ms, never back), and whoever leases slots says `start` and `end`. All take O(log n) of what waits, plus the
 * number of clients that hold slots.
 */
export class FairQueue<R extends FairRequest> {
  readonly #options: () => FairQueueOptions;
  readonly #counts: ClientCounts;
  readonly #classes = priorities.map(() => new PriorityClass<R>());
  /** Those of whom something waits or runs. */
  readonly #sharers = new Map<string, ClientShare<R>>();
  readonly #shares = new QueueShares<R>();
  #arrivals = 0;
  #chargedUntil = -Infinity;
  #service: number | undefined;

  /** @param counts shared by the queues of all models */
  constructor(options: () => FairQueueOptions, counts: ClientCounts) {
    this.#options = options;
    this.#counts = counts;
  }

  /** Requests that wait. */
  get size(): number {
    return this.#shares.held;
  }

  /**
   * Lets a request wait. Where `limit` requests wait already, it takes the place of another if its client holds less of
   * the queue than its share.
   */
  add(request: R, now: number, limit: number): Added<R> {
    const { client } = request;
    if (!this.#counts.mayWait(client)) return { full: "client" };
    let evicted: Entry<R> | undefined;
    if (this.size >= limit) {
      evicted = this.#shares.makeRoom(client, this.#sharers.get(sharerOf(request)), limit);
      if (evicted === undefined) return { full: "queue" };
      this.remove(evicted, now);
    }
    const line = this.#lineOf(request, now);
    const entry = new Entry(request, line, this.#arrivals++);
    this.#putIn(entry);
    this.#counts.change(client.name, 1, 0);
    return { entry, evicted: evicted?.request };
  }

  /** Takes a waiting request out; does nothing where it waits no more. */
  remove(entry: Entry<R>, now: number): void {
    if (entry.state !== "waiting") return;
    this.#takeOut(entry, "ended");
    this.#counts.change(entry.line.client.name, -1, 0);
    this.#release(entry.line, now);
  }

  /**
   * The request that goes next, of those that can; it stays in the queue until `start`. Whoever cannot go is passed by
   * the next in order. A request of several slots is passed for `maxPassed`; from then on nobody behind it goes, so that
   * the slots it needs come together.
   */
  next(now: number, canStart: (request: R) => boolean): Entry<R> | undefined {
    const passed: Entry<R>[] = [];
    let left = lookahead;
    for (const entry of this.inOrder(now)) {
      if (canStart(entry.request)) {
        for (const before of passed) before.passedAt ??= now;
        return entry;
      }
      if (--left === 0) return undefined;
      if (entry.request.slots === 1 || entry.request.isChoosy) continue;
      if (now - (entry.passedAt ?? now) >= this.#options().maxPassed) return undefined;
      passed.push(entry);
    }
    return undefined;
  }

  /**
   * The waiting requests in the order in which they would go now, each found when it is asked for, those left out that
   * their client's `maxInflight` holds back. Nothing else may be done with the queue meanwhile.
   */
  *inOrder(now: number): Generator<Entry<R>, void, undefined> {
    this.#charge(now);
    const rest = this.#expectedRest;
    const mayGo = this.#mayGo(now);
    const [only, another] = mayGo;
    if (only !== undefined && another === undefined) yield* only.inOrder(rest, this.#mayStart);
    else yield* this.#inTurns(mayGo, rest);
    for (const its of this.#classes) {
      if (!mayGo.includes(its)) yield* its.inOrder(rest, this.#mayStart);
    }
  }

  /** The requests of several classes that share. */
  *#inTurns(classes: readonly PriorityClass<R>[], rest: number): Generator<Entry<R>, void, undefined> {
    const turns = classes.map((its) => ({
      its,
      rank: its.time.rank(rest),
      entries: its.inOrder(rest, this.#mayStart),
    }));
    while (turns.length > 0) {
      const turn = turns.reduce((one, other) => other.rank < one.rank ? other : one);
      const entry = turn.entries.next().value;
      if (entry) {
        turn.rank += turn.its.time.advance(entry.request.slots, rest);
        yield entry;
      } else turns.splice(turns.indexOf(turn), 1);
    }
  }

  /** Every request that waits, in no order. It may be removed before the next one is asked for. */
  *waiting(): Generator<Entry<R>, void, undefined> {
    for (const { lines } of [...this.#sharers.values()]) {
      for (const line of [...lines.values()]) {
        for (let entry = line.first; entry !== undefined;) {
          const { next } = entry;
          yield entry;
          entry = next;
        }
      }
    }
  }

  /**
   * How many requests are likely to go before this one, plus one; 0 where it does not wait. It costs as much as the
   * client has requests before it, plus the number of clients.
   */
  position(entry: Entry<R>, now: number): number {
    if (entry.state !== "waiting") return 0;
    this.#charge(now);
    const { line } = entry;
    const rest = this.#expectedRest;
    let rank = line.rank;
    let position = 1;
    for (let before = entry.previous; before !== undefined; before = before.previous) {
      rank += line.time.advance(before.request.slots, rest);
      position++;
    }
    const own = this.#classOf(line);
    for (const its of this.#classes.slice(0, this.#classes.indexOf(own))) position += its.length;
    for (const other of own.lines()) {
      if (other === line) continue;
      const turns = Math.ceil((rank - other.rank) / other.time.advance(1, rest));
      position += Math.min(other.length, Math.max(0, turns));
    }
    return position;
  }

  /** Takes a waiting request out of the queue because it has its slots now. */
  start(entry: Entry<R>, now: number): void {
    if (entry.state !== "waiting") throw new Error(`a request that is ${entry.state} cannot start`);
    this.#classOf(entry.line).hold(entry.line, entry.request.slots, now);
    this.#takeOut(entry, "running");
    entry.startedAt = now;
    this.#counts.change(entry.line.client.name, -1, 1);
  }

  /**
   * Notes that a request has given its slots back; does nothing where it holds none.
   *
   * @returns the slot-seconds that it has used
   */
  end(entry: Entry<R>, now: number): number {
    if (entry.state !== "running") return 0;
    entry.state = "ended";
    const { line, request: { slots } } = entry;
    const service = now - entry.startedAt;
    this.#service = this.#service === undefined ? service : this.#service + newest * (service - this.#service);
    // Everybody's expected rest has changed.
    this.#chargedUntil = -Infinity;
    this.#classOf(line).hold(line, -slots, now);
    this.#classOf(line).place(line, this.#expectedRest);
    this.#counts.change(line.client.name, 0, -1);
    this.#release(line, now);
    return slots * service / 1_000;
  }

  /** Gives a request that was started and not begun its old place in the queue, whatever the limits. */
  putBack(entry: Entry<R>, now: number): void {
    if (entry.state !== "running") return;
    this.#classOf(entry.line).hold(entry.line, -entry.request.slots, now);
    this.#putIn(entry);
    this.#counts.change(entry.line.client.name, 1, -1);
  }

  /** Of those that may start, the request that came first. */
  get oldest(): R | undefined {
    let oldest: Entry<R> | undefined;
    for (const its of this.#classes) {
      const entry = its.oldest(this.#mayStart);
      if (entry !== undefined && (oldest === undefined || entry.arrivedBefore(oldest))) oldest = entry;
    }
    return oldest?.request;
  }

  get #expectedRest(): number {
    return this.#service ?? unknownService;
  }

  #classOf({ priority }: WaitingLine<R>): PriorityClass<R> {
    return this.#classes[priorities.indexOf(priority)] as PriorityClass<R>;
  }

  readonly #mayStart = ({ first }: WaitingLine<R>) =>
    first === undefined ? 0 : this.#counts.mayStart(first.request.client);

  /**
   * The classes whose turn it is. A class counts as high as its oldest request, which rises by one class with each
   * ageing period. Where a class has risen, those above it go with it and all of them share: a fresh request never comes
   * behind one of a lower class only because that one is older.
   */
  #mayGo(now: number): readonly PriorityClass<R>[] {
    const { ageing } = this.#options();
    const open = this.#classes.flatMap((its, index) => {
      const oldest = its.oldest(this.#mayStart);
      if (oldest === undefined) return [];
      const risen = ageing > 0 ? Math.floor((now - oldest.request.arrivedAt) / ageing) : 0;
      return [{ its, level: Math.max(0, index - risen) }];
    });
    const best = Math.min(...open.map(({ level }) => level));
    const behind = open.splice(open.findLastIndex(({ level }) => level === best) + 1);
    // Waiting behind a higher class is like absence: it earns no credit.
    for (const { its } of behind) its.competes = false;
    const competing = this.#classes.filter(({ competes }) => competes);
    for (const { its } of open) {
      if (!its.competes && competing.length > 0) its.time.used = Math.min(...competing.map(({ time }) => time.used));
      its.competes = true;
    }
    return open.map(({ its }) => its);
  }

  /** Charges everybody for what has run since the last time, before the order is asked for. */
  #charge(now: number): void {
    if (now <= this.#chargedUntil) return;
    this.#chargedUntil = now;
    for (const its of this.#classes) its.charge(now, this.#expectedRest);
  }

  #putIn(entry: Entry<R>): void {
    entry.state = "waiting";
    entry.line.insert(entry);
    this.#classOf(entry.line).place(entry.line, this.#expectedRest);
    this.#shares.change(entry.line.client, 1);
  }

  #takeOut(entry: Entry<R>, state: "running" | "ended"): void {
    entry.state = state;
    entry.line.remove(entry);
    this.#classOf(entry.line).place(entry.line, this.#expectedRest);
    this.#shares.change(entry.line.client, -1);
  }

  /** The line in which a request waits; a new one where its client had been idle. */
  #lineOf(request: R, now: number): WaitingLine<R> {
    const { client, priority } = request;
    const share = this.#shareOf(sharerOf(request), client, now);
    const known = share.lines.get(priority);
    if (known !== undefined) return known;
    const line = new WaitingLine(share, priority);
    this.#charge(now);
    share.lines.set(priority, line);
    this.#classOf(line).join(line, client.weight, now, this.#mayStart);
    return line;
  }

  /** The client's, with the weight that it has now. */
  #shareOf(sharer: string, client: QueueClient, now: number): ClientShare<R> {
    const share = this.#sharers.get(sharer) ?? new ClientShare<R>(sharer, client);
    this.#sharers.set(sharer, share);
    if (share.weight !== client.weight) {
      this.#shares.reweigh(share, client.weight);
      for (const line of share.lines.values()) {
        this.#classOf(line).reweigh(line, client.weight, now);
        this.#classOf(line).place(line, this.#expectedRest);
      }
    }
    return share;
  }

  /** Forgets a line of which nothing waits and nothing runs: whoever comes back starts like everybody who comes. */
  #release(line: WaitingLine<R>, now: number): void {
    if (line.first !== undefined || line.time.slots > 0) return;
    this.#classOf(line).leave(line, now);
    const { client } = line;
    client.lines.delete(line.priority);
    if (client.lines.size === 0) this.#sharers.delete(client.sharer);
  }
}

function sharerOf({ sharer, client }: FairRequest): string {
  return sharer ?? client.name;
}
