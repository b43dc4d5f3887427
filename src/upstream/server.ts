import type { ModeldError } from "../base/errors.ts";
import type { ServerDescription } from "../llama/llama_server.ts";
import { Instance } from "./instance.ts";
import type { LifecycleChange, ServerCommand } from "./lifecycle.ts";
import { fail, forgetResidency, holdUnconfirmed } from "./residency.ts";

/** What the operator allows on one server. Durations in ms, 0 = none; sizes in MB, 0 = unlimited. */
export interface ServerTerms {
  /** Requests in flight per model; 0: as many as it has slots. */
  readonly maxInflight: number;
  readonly vramBudgetMb: number;
  readonly vramMarginMb: number;
  readonly idleUnload: number;
  readonly drainTimeout: number;
  /** What a server without a list calls its model. */
  readonly defaultModel?: string | undefined;
}

/** What is known of a server as a whole. */
export type ServerView =
  /** It has said nothing of itself: it was not asked yet, or it is reached and only says that it is loading. */
  | { readonly is: "unknown"; readonly reached: boolean }
  | { readonly is: "found"; readonly description: ServerDescription }
  | { readonly is: "lost"; readonly error: ModeldError };

/** What a server is made of. */
export interface ServerOptions {
  /** Its name, unique among the servers. */
  readonly id: string;
  /** Without secrets, for people. */
  readonly url: string;
  readonly terms: () => ServerTerms;
  /** Numbers from 0 up to 1, for jitter. */
  readonly random: () => number;
  /** Takes what it wants done. */
  readonly send: (command: ServerCommand) => void;
}

/** The state of one llama-server; changed by the functions of this folder alone, without any I/O. */
export class Server {
  readonly id: string;
  readonly url: string;
  readonly terms: () => ServerTerms;
  readonly random: () => number;
  readonly #send: (command: ServerCommand) => void;
  view: ServerView = { is: "unknown", reached: false };
  lastSeenAt: number | undefined;
  /** By id, in the order of the server's list. */
  readonly instances = new Map<string, Instance>();
  /** Whether the server has a list, so that a name can be checked against it. */
  hasList = false;
  /** It is back after it was lost: one request at a time until it has accepted one. */
  isOnTrial = false;
  /** It was taken out of the configuration: it gets nothing new. */
  isLeaving = false;
  /** Requests that run on it, calls without a slot included. */
  running = 0;
  /** Slots that are leased on it, of all models. */
  leased = 0;
  loads = 0;
  evictions = 0;
  lastError: { readonly at: number; readonly message: string } | undefined;

  constructor(options: ServerOptions) {
    this.id = options.id;
    this.url = options.url;
    this.terms = options.terms;
    this.random = options.random;
    this.#send = options.send;
  }

  /** Whether it loads and unloads models when modeld asks it to. */
  get isRouter(): boolean {
    return this.view.is === "found" && this.view.description.kind === "router";
  }

  /** The models of its last list. Others are still known where requests run on them. */
  get listed(): Instance[] {
    return [...this.instances.values()].filter((instance) => instance.listed);
  }

  /** Whether a change of some model's state is expected soon. */
  get isUnsettled(): boolean {
    for (const instance of this.instances.values()) {
      if (instance.state === "loading" || instance.state === "draining" || instance.held) return true;
    }
    return false;
  }

  emit(change: LifecycleChange): void {
    this.#send({ do: "emit", server: this.id, change });
  }

  warn(model: string, message: string): void {
    this.#send({ do: "warn", server: this.id, message, model });
  }

  poll(): void {
    this.#send({ do: "poll", server: this.id });
  }

  order(action: "load" | "unload" | "ask_capacity" | "ask_busy", model: string): void {
    this.#send({ do: action, server: this.id, model });
  }

  /** It cannot be reached, or refuses modeld: nothing that was known of it holds any more. */
  lose(error: ModeldError, now: number): void {
    const wasLost = this.view.is === "lost";
    this.view = { is: "lost", error };
    if (wasLost) return;
    this.lastError = { at: now, message: error.message };
    this.#send({ do: "forget", server: this.id });
    this.emit({ event: "server_lost", reason: error.message });
    for (const instance of this.instances.values()) {
      forgetResidency(instance);
      instance.state = "error";
      instance.reason = "llama-server is lost";
      instance.retryAt = -Infinity;
      instance.seenAt = -Infinity;
    }
  }

  /** It accepted to load or unload the model. */
  accepted(model: string, now: number): void {
    const instance = this.instances.get(model);
    if (instance === undefined) return;
    instance.commandedAt = now;
    this.poll();
  }

  /** It did not accept to load or unload the model. */
  refused(model: string, error: ModeldError, now: number): void {
    const instance = this.instances.get(model);
    if (instance === undefined) return;
    instance.commandedAt = now;
    if (instance.state === "loading") fail(instance, error.message, now);
    if (instance.state === "draining") holdUnconfirmed(instance, error.message, now);
    this.poll();
  }

  /** It said how many slots a model has, or could not say. */
  takeCapacity(model: string, slots: number | undefined): void {
    const instance = this.instances.get(model);
    if (instance === undefined) return;
    instance.askingCapacity = false;
    if (instance.state === "ready" && slots !== undefined) instance.slots = slots;
  }
}
