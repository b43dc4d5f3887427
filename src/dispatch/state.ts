import type { ModeldError } from "../base/errors.ts";
import { LinkedList } from "../base/list.ts";
import type { Instance } from "../upstream/instance.ts";
import type { Server, ServerTerms } from "../upstream/server.ts";
import { type Learned, makePolicy } from "./choice.ts";
import { ClientCounts } from "./client_counts.ts";
import type { Command } from "./commands.ts";
import { IndexedHeap } from "./indexed_heap.ts";
import type { Model } from "./models.ts";
import { notConfigured } from "./refusals.ts";
import type { QueuedRequest } from "./request.ts";

/** What the operator allows. Durations in ms, 0 = none; sizes in MB, 0 = unlimited. */
export interface Terms extends ServerTerms {
  readonly maxQueueDepth: number;
  readonly maxWait: number;
  /** How long a request may wait for the server that has its prompt in the cache. */
  readonly maxAffinityWait: number;
  /** Servers on which one model may be loaded at once; 0 is no limit. */
  readonly maxReplicas: number;
  /** After each such time of waiting a request counts one class higher. */
  readonly priorityAgeing: number;
}

/** Everything that is known of servers, models and requests; changed by `step` alone. */
export interface FleetState {
  /** The present settings: a request keeps those it came with. */
  readonly terms: () => Terms;
  /** Numbers from 0 up to 1, for jitter and ties. */
  readonly random: () => number;
  lifecycle: "starting" | "open" | "draining" | "closed";
  /** By id, in the order of the configuration. */
  readonly servers: Map<string, Server>;
  /** Why there is no server, where there is none. */
  absence: ModeldError;
  /** By id, over all servers. */
  readonly models: Map<string, Model>;
  /** What the models were grouped from, see `regroup`. */
  grouping: string;
  /** Requests for names that no server has, while there are servers that have not said what they have; in order. */
  readonly unrouted: QueuedRequest[];
  readonly policy: ReturnType<typeof makePolicy>;
  /** What was learned of each model on each server. */
  readonly learned: WeakMap<Instance, Learned>;
  /** Those who wait, by when their max-wait is over. */
  readonly deadlines: IndexedHeap<QueuedRequest>;
  /** What waits and runs of each client, over all models. */
  readonly clients: ClientCounts;
  /** Requests that hold slots. */
  readonly running: LinkedList<QueuedRequest>;
  /** Those of them that can use more slots than they hold. */
  readonly growing: LinkedList<QueuedRequest>;
  /** Requests that have arrived so far. */
  arrivals: number;
  /** When something that no other deadline covers is to be decided anew, in the clock's ms. */
  reviewAt: number;
  /** What the present step wants done. */
  readonly commands: Command[];
}

/** A fleet of which nothing has been seen yet. Servers come with `add_server`. */
export function initialState(terms: () => Terms, random: () => number): FleetState {
  return {
    terms,
    random,
    lifecycle: "starting",
    servers: new Map(),
    absence: notConfigured(),
    models: new Map(),
    grouping: "",
    unrouted: [],
    policy: makePolicy(() => terms().maxAffinityWait, random),
    learned: new WeakMap(),
    deadlines: new IndexedHeap((one, other) => one.deadline < other.deadline),
    clients: new ClientCounts(),
    running: new LinkedList(),
    growing: new LinkedList(),
    arrivals: 0,
    reviewAt: Infinity,
    commands: [],
  };
}

/** Whether a server may still turn out to have a model that no other has. */
export function isAnyUnknown(state: FleetState): boolean {
  for (const { view, isLeaving } of state.servers.values()) if (view.is === "unknown" && !isLeaving) return true;
  return false;
}

/** Whether there is no server, or none that is not being removed. */
export function isEmpty(state: FleetState): boolean {
  for (const { isLeaving } of state.servers.values()) if (!isLeaving) return false;
  return true;
}
