import { estimateVram, type KnownModel, type VramEstimate } from "./model.ts";
import type { Server } from "./server.ts";

/** The states of an instance, in the words of the public contract. */
export type InstanceState = "unloaded" | "loading" | "ready" | "draining" | "error";

/** Why modeld unloads a model. */
export type UnloadCause = { readonly kind: "idle" } | { readonly kind: "evict"; readonly forModel: string };

/** One model on one server: its state there and its slots. */
export class Instance {
  readonly server: Server;
  readonly id: string;
  state: InstanceState = "unloaded";
  estimate: VramEstimate;
  warnedOfSize = false;
  /** Gone from the server's list; forgotten as soon as nothing runs on it. */
  listed = true;
  /** Why the state is `error`. */
  reason: string | undefined;

  /** Generations at once, as the server says; undefined until it has said so. */
  slots: number | undefined;
  askingCapacity = false;
  /** Slots that are leased. */
  leased = 0;
  /** Slots that were given back without a sign that the server is done with them, see `doubtSlots`. */
  unconfirmed = 0;
  /** When they may be leased again in any case, in the clock's ms. */
  unconfirmedUntil = Infinity;
  askingBusy = false;
  /** `leased` when the server was last asked how many slots are busy. */
  leasedWhenAsked = 0;
  /** Requests that wait for this model, on whichever server. */
  queued = 0;
  /** The model that is to take its place: nothing new is started here, and it is unloaded once nothing runs. */
  yieldsTo: string | undefined;
  readonly times = new ServiceTimes();

  /** When its last request ended. */
  lastUsedAt: number | undefined;
  loadedAt: number | undefined;
  /** How long its last load took, in ms. */
  loadMs: number | undefined;
  /** Whether it has served a request since it was loaded; one during which its process may have died does not count. */
  served = false;

  /** When the last load that modeld asked for began; undefined when another did. */
  loadStartedAt: number | undefined;
  unloading: UnloadCause | undefined;
  /** When the unload in progress counts as failed. */
  drainDeadline = Infinity;
  /** Failures in a row, each of which doubles the back-off. */
  failures = 0;
  /** In state `error`: no new attempt before this. */
  retryAt = -Infinity;
  /** In state `error`: the server has not confirmed the unload, so its memory still counts. */
  held = false;
  /**
   * When the server last accepted a load or unload, Infinity while it is being asked. What it said of this model before is
   * out of date.
   */
  commandedAt = -Infinity;
  /** When the server was asked what `state` comes from. */
  seenAt = -Infinity;

  #model: KnownModel;

  constructor(server: Server, model: KnownModel) {
    this.server = server;
    this.id = model.id;
    this.#model = model;
    this.estimate = estimateVram(model);
  }

  get model(): KnownModel {
    return this.#model;
  }

  /** Takes what the server's list says now. What only a loaded model has (size, context) is kept when it is unloaded. */
  describe(model: KnownModel): void {
    const { sizeBytes = this.#model.sizeBytes, contextLength = this.#model.contextLength } = model;
    this.#model = {
      ...model,
      ...(sizeBytes !== undefined && { sizeBytes }),
      ...(contextLength !== undefined && { contextLength }),
    };
    this.estimate = estimateVram(this.#model);
  }

  get aliases(): readonly string[] {
    return this.#model.aliases;
  }

  get path(): string | undefined {
    return this.#model.path;
  }

  /** How many generations modeld gives it at once. */
  get capacity(): number {
    const { maxInflight } = this.server.terms();
    return maxInflight > 0 ? maxInflight : this.slots ?? 1;
  }

  /** Slots that may be leased now, if it is ready. */
  get free(): number {
    if (this.yieldsTo !== undefined) return 0;
    const free = Math.max(0, this.capacity - this.leased - this.unconfirmed);
    return this.server.isOnTrial ? Math.min(free, this.server.leased === 0 ? 1 : 0) : free;
  }

  /** Whether requests can be started on it. */
  get isReady(): boolean {
    return this.listed && this.state === "ready" && this.server.view.is === "found" && !this.server.isLeaving;
  }

  /** Whether the server has reported it since it was last commanded, and has not been lost since. */
  get isKnown(): boolean {
    return this.seenAt > this.commandedAt;
  }

  /** Whether the server holds it in memory, as far as is known. */
  get holdsMemory(): boolean {
    return this.state === "loading" || this.state === "ready" || this.state === "draining" || this.held;
  }

  /** In state `error`: whether it may be tried again. */
  mayRetry(now: number): boolean {
    return !this.held && now >= this.retryAt;
  }

  /** Whether any request needs it. */
  get busy(): boolean {
    return this.leased > 0 || (this.queued > 0 && this.yieldsTo === undefined);
  }

  /** Since when nobody has used it. */
  get idleSince(): number {
    return Math.max(this.lastUsedAt ?? -Infinity, this.loadedAt ?? -Infinity);
  }
}

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
