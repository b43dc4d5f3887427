import { estimateVram, type VramEstimate } from "../registry/estimate_vram.ts";
import type { KnownModel } from "../registry/known_model.ts";
import type { InstanceState } from "../status.ts";
import { ServiceTimes } from "./service_times.ts";
import type { Ticket } from "./ticket.ts";

/** Why modeld unloads a model. */
export type UnloadCause = { readonly kind: "idle" } | { readonly kind: "evict"; readonly forModel: string };

/** One model of the server, with its state there, its slots and its queue. */
export class Instance {
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
  /** Requests that hold a slot. */
  running = 0;
  /** First come first served. */
  readonly waiting: Ticket[] = [];
  readonly times = new ServiceTimes();

  /** When its last request ended. */
  lastUsedAt: number | undefined;
  loadedAt: number | undefined;
  /** Whether it has served a request since it was loaded; one that it may have died of does not count. */
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

  constructor(model: KnownModel) {
    this.id = model.id;
    this.#model = model;
    this.estimate = estimateVram(model);
  }

  get model(): KnownModel {
    return this.#model;
  }

  /** Takes what the server's list says now. What only a loaded model tells (size, context) is kept when it is unloaded. */
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

  /** Whether the server has told of it since it was last commanded, and has not been lost since. */
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
    return this.running > 0 || this.waiting.length > 0;
  }

  /** Since when nobody has used it. */
  get idleSince(): number {
    return Math.max(this.lastUsedAt ?? -Infinity, this.loadedAt ?? -Infinity);
  }
}
