import type { ServerModelState } from "../../../src/llama/adapter.ts";
import type { KnownModel } from "../../../src/manager/registry/known_model.ts";

/** A load or unload that the server has yet to answer. */
export interface Order {
  readonly action: "load" | "unload";
  readonly model: string;
}

interface Model {
  state: ServerModelState;
  /** An unload was accepted and has yet to happen. */
  leaving: boolean;
  reason?: string;
  readonly sizeMb: number;
}

/** What a router does, one thing at a time, when the test says so. */
export class SimulatedRouter {
  readonly models = new Map<string, Model>();
  readonly orders: Order[] = [];
  /** Slot counts that the manager wants to know. */
  readonly capacityQuestions: string[] = [];

  constructor(sizesMb: readonly number[]) {
    for (const [index, sizeMb] of sizesMb.entries()) {
      this.models.set(`m${index}`, { state: "unloaded", leaving: false, sizeMb });
    }
  }

  list(): readonly KnownModel[] {
    return [...this.models].map(([id, { state, reason, sizeMb }]) => ({
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
      .filter(([id, { state }]) => state === "loaded" || state === "loading" || ordered.has(id))
      .map(([, { sizeMb }]) => sizeMb);
  }

  accept({ action, model: id }: Order): void {
    const model = this.models.get(id);
    if (model === undefined) return;
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

  /** The model's process dies. */
  crash(id: string): void {
    const model = this.models.get(id);
    if (model === undefined || model.state === "unloaded") return;
    model.state = "failed";
    model.leaving = false;
    model.reason = "killed";
  }
}
