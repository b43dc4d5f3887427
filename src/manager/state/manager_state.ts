import type { ModeldError } from "../../base/errors.ts";
import type { ServerDescription } from "../../llama/adapter.ts";
import type { Command } from "./commands.ts";
import type { Instance } from "./instance.ts";
import type { Ticket } from "./ticket.ts";

/** What the operator allows. Durations in ms, 0 = none; sizes in MB, 0 = unlimited. */
export interface Limits {
  readonly defaultModel?: string;
  readonly maxQueueDepth: number;
  readonly maxWait: number;
  /** Requests in flight per model; 0: as many as it has slots. */
  readonly maxInflight: number;
  readonly vramBudgetMb: number;
  readonly vramMarginMb: number;
  readonly idleUnload: number;
  readonly drainTimeout: number;
}

/** llama-server as the state machine knows it. */
export type Server =
  /** It has said nothing of itself: it was not asked yet, or it is reached and only says that it is loading. */
  | { readonly is: "unknown"; readonly reached: boolean }
  | { readonly is: "found"; readonly description: ServerDescription }
  | { readonly is: "lost"; readonly error: ModeldError };

/** Everything the manager knows; changed by `step` alone. */
export interface ManagerState {
  readonly limits: Limits;
  /** Numbers from 0 up to 1, for jitter. */
  readonly random: () => number;
  lifecycle: "starting" | "open" | "draining" | "closed";
  server: Server;
  lastSeenAt: number | undefined;
  /** By id, in the order of the server's list. */
  readonly instances: Map<string, Instance>;
  /** Whether the server has a list, so that a name can be checked against it. */
  hasList: boolean;
  /** Requests that came before the server has said what it is, in order. */
  readonly unrouted: Ticket[];
  /** Requests that have arrived so far. */
  arrivals: number;
  loads: number;
  evictions: number;
  lastError: string | undefined;
  /** What the present step wants done. */
  commands: Command[];
}

/** A manager that has seen nothing yet. */
export function initialState(limits: Limits, random: () => number): ManagerState {
  return {
    limits,
    random,
    lifecycle: "starting",
    server: { is: "unknown", reached: false },
    lastSeenAt: undefined,
    instances: new Map(),
    hasList: false,
    unrouted: [],
    arrivals: 0,
    loads: 0,
    evictions: 0,
    lastError: undefined,
    commands: [],
  };
}

/** The models of the server's last list. Others are still known where requests run on them. */
export function listedInstances(state: ManagerState): Instance[] {
  return [...state.instances.values()].filter((instance) => instance.listed);
}

/** Whether the server loads and unloads models at modeld's word. */
export function isRouter(state: ManagerState): boolean {
  return state.server.is === "found" && state.server.description.kind === "router";
}

/** How many generations modeld gives an instance at once. */
export function slotsOf(state: ManagerState, instance: Instance): number {
  return state.limits.maxInflight > 0 ? state.limits.maxInflight : instance.slots ?? 1;
}

/** Slots that nobody holds. */
export function freeSlots(state: ManagerState, instance: Instance): number {
  return Math.max(0, slotsOf(state, instance) - instance.running);
}

/**
 * Waiting requests beyond the free slots: all of them when the model is ready; while it loads, those for which there
 * will be no slot even then.
 */
export function queueDepth(state: ManagerState, instance: Instance): number {
  return Math.max(0, instance.waiting.length - freeSlots(state, instance));
}

/** Whether a change of some model's state is expected soon. */
export function isUnsettled(state: ManagerState): boolean {
  for (const instance of state.instances.values()) {
    if (instance.state === "loading" || instance.state === "draining" || instance.held) return true;
  }
  return false;
}
