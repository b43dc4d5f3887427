import type { Priority } from "../../src/base/client.ts";
import { ClientCounts, type QueueClient } from "../../src/dispatch/client_counts.ts";
import { FairQueue, type FairQueueOptions } from "../../src/dispatch/fair_queue.ts";
import type { Entry } from "../../src/dispatch/waiting_line.ts";

/** A request of the simulation. */
export interface SimulatedRequest {
  readonly client: QueueClient;
  readonly priority: Priority;
  readonly arrivedAt: number;
  readonly slots: number;
  /** How long it holds its slots, in ms. The queue does not look at it. */
  readonly service: number;
}

/** A client that keeps so many requests in the system: it sends another when one has ended. */
export interface Load {
  readonly name: string;
  readonly weight?: number;
  readonly priority?: Priority;
  readonly maxInflight?: number;
  readonly atOnce: number;
  /** Requests in all; missing: no end. */
  readonly total?: number;
  /** When it begins; missing: 0. */
  readonly from?: number;
  /** How long after one has ended the next is sent; missing: 0. */
  think?(): number;
  service(): number;
  slots?(): number;
}

/** One request that has run. */
export interface Run {
  readonly client: string;
  readonly arrivedAt: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly slots: number;
}

/** What orders the requests of a simulation. */
export interface Order {
  add(request: SimulatedRequest, now: number): void;
  /** Starts what goes next; undefined where nothing that waits can start. */
  start(now: number, free: number): SimulatedRequest | undefined;
  end(request: SimulatedRequest, now: number): void;
  /** How many wait. */
  waiting(): number;
}

/** First come, first served. */
export function firstComeFirstServed(): Order {
  const waiting: SimulatedRequest[] = [];
  return {
    add: (request) => waiting.push(request),
    start: (_now, free) => waiting[0] !== undefined && waiting[0].slots <= free ? waiting.shift() : undefined,
    end: () => {},
    waiting: () => waiting.length,
  };
}

/** By a fair queue. */
export function fair(options: Partial<FairQueueOptions> = {}): Order {
  const all = { ageing: 10_000, maxPassed: 2_000, ...options };
  const queue = new FairQueue<SimulatedRequest>(() => all, new ClientCounts());
  const running = new Map<SimulatedRequest, Entry<SimulatedRequest>>();
  return {
    add: (request, now) => void queue.add(request, now, Infinity),
    start(now, free) {
      const entry = queue.next(now, ({ slots }) => slots <= free);
      if (entry === undefined) return undefined;
      queue.start(entry, now);
      running.set(entry.request, entry);
      return entry.request;
    },
    end(request, now) {
      const entry = running.get(request);
      if (entry !== undefined) queue.end(entry, now);
      running.delete(request);
    },
    waiting: () => queue.size,
  };
}

/** Plays loads against a server with so many slots until `until` (ms), in virtual time. */
export function simulate(order: Order, slots: number, loads: readonly Load[], until: number): readonly Run[] {
  const runs: Run[] = [];
  const events: { readonly at: number; readonly happens: (now: number) => void }[] = [];
  const at = (time: number, happens: (now: number) => void) => {
    // Behind all that happen at the same time.
    const behind = events.findIndex((event) => event.at > time);
    events.splice(behind < 0 ? events.length : behind, 0, { at: time, happens });
  };
  let free = slots;
  const loadOf = new Map<SimulatedRequest, () => void>();
  for (const load of loads) {
    const { name, weight = 1, priority = "default", maxInflight = 0 } = load;
    const client = { name, weight, maxInflight, maxQueue: 0 };
    let left = load.total ?? Infinity;
    const send = (now: number) => {
      if (left-- <= 0) return;
      const request = {
        client,
        priority,
        arrivedAt: now,
        slots: load.slots?.() ?? 1,
        service: load.service(),
      };
      loadOf.set(request, () => at(clock + (load.think?.() ?? 0), send));
      order.add(request, now);
    };
    for (let i = 0; i < load.atOnce; i++) at(load.from ?? 0, send);
  }
  let clock = 0;
  for (let event = events.shift(); event !== undefined && event.at <= until; event = events.shift()) {
    clock = event.at;
    event.happens(clock);
    // All that happens in one moment has happened before anything starts.
    if (events[0]?.at === clock) continue;
    for (let next = order.start(clock, free); next !== undefined; next = order.start(clock, free)) {
      const request = next;
      const startedAt = clock;
      free -= request.slots;
      at(clock + request.service, (now) => {
        free += request.slots;
        order.end(request, now);
        const { client: { name }, arrivedAt, slots } = request;
        runs.push({ client: name, arrivedAt, startedAt, endedAt: now, slots });
        loadOf.get(request)?.();
        loadOf.delete(request);
      });
    }
  }
  return runs;
}

/** Slot-milliseconds that a client's requests used from `from` to `to`; without a client, those of all. */
export function used(runs: readonly Run[], from: number, to: number, client?: string): number {
  let sum = 0;
  for (const run of runs) {
    if (client !== undefined && run.client !== client) continue;
    sum += run.slots * Math.max(0, Math.min(to, run.endedAt) - Math.max(from, run.startedAt));
  }
  return sum;
}

/** The longest wait of a client's requests, in ms. */
export function longestWait(runs: readonly Run[], client: string): number {
  return Math.max(0, ...runs.filter((run) => run.client === client).map((run) => run.startedAt - run.arrivedAt));
}
