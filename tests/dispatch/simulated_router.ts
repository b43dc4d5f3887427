import type { ServerModelState } from "../../src/llama/llama_server.ts";
import type { KnownModel } from "../../src/upstream/model.ts";

/** A load or unload that the server has yet to answer. */
export interface Order {
  readonly action: "load" | "unload";
  readonly model: string;
}

interface Model {
  state: ServerModelState;
  /** An unload was accepted and has yet to happen. */
  leaving: boolean;
  /** Whether it is in the server's list. */
  listed: boolean;
  reason?: string;
  readonly sizeMb: number;
}

/** What a router does, one thing at a time, when the test says so. */
export class SimulatedRouter {
  readonly models = new Map<string, Model>();
  readonly orders: Order[] = [];
  /** Slot counts that the machine wants to know. */
  readonly capacityQuestions: string[] = [];
  /** Models of which the machine wants to know how many slots are busy. */
  readonly busyQuestions: string[] = [];

  constructor(sizesMb: readonly number[]) {
    for (const [index, sizeMb] of sizesMb.entries()) {
      this.models.set(`m${index}`, { state: "unloaded", leaving: false, listed: true, sizeMb });
    }
  }

  list(): readonly KnownModel[] {
    return [...this.models].filter(([, { listed }]) => listed).map(([id, { state, reason, sizeMb }]) => ({
      id,
      aliases: [],
      state,
      sizeBytes: sizeMb * 2 ** 20,
      ...(state === "failed" && reason !== undefined && { reason }),
    }));
  }

  /** Sizes in MB of what it holds in memory, or will when it does what it has been asked to. */
  held(): readonly number[] {
    const ordered = new Set(this.orders.filter(({ action }) => action === "load").map(({ model }) => model));
    return [...this.models]
      .filter(([id, { state, listed }]) => state === "loaded" || state === "loading" || (listed && ordered.has(id)))
      .map(([, { sizeMb }]) => sizeMb);
  }

  accept({ action, model: id }: Order): void {
    const model = this.models.get(id);
    if (model === undefined || !model.listed) return;
    if (action === "unload") {
      if (model.state === "loaded" || model.state === "loading") model.leaving = true;
    } else if (model.state === "unloaded" || model.state === "failed") {
      model.state = "loading";
    }
  }

  /** Lets the model get on with what it is doing. */
  progress(id: string, fails: boolean): void {
    const model = this.models.get(id);
    if (model === undefined) return;
    if (model.leaving) {
      model.leaving = false;
      model.state = "unloaded";
    } else if (model.state === "loading") {
      model.state = fails ? "failed" : "loaded";
      if (fails) model.reason = "out of memory";
    }
  }

  /** The model leaves the list, and with that the memory; or it comes back. */
  relist(id: string): void {
    const model = this.models.get(id);
    if (model === undefined) return;
    model.listed = !model.listed;
    model.state = "unloaded";
    model.leaving = false;
  }

  /** The model's process dies. */
  crash(id: string): void {
    const model = this.models.get(id);
    if (model === undefined || model.state === "unloaded") return;
    model.state = "failed";
    model.leaving = false;
    model.reason = "killed";
  }
}
