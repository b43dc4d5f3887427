import { assertEquals } from "@std/assert";
import { ModeldError } from "../../src/base/errors.ts";
import type { Generation } from "../../src/llama/llama_server.ts";
import { createManager } from "../../src/manager/create_manager.ts";
import type { LifecycleEvent } from "../../src/upstream/lifecycle.ts";
import type { Manager } from "../../src/dispatch/manager.ts";
import type { ManagerOptions } from "../../src/manager/manager_options.ts";
import { Timeline } from "../../src/base/timeline.ts";
import { FakeClock } from "../support/fake_clock.ts";
import type { FakeAdapter } from "../support/fake_llama_server.ts";

/** An inference as a client has it. */
export interface Client {
  readonly timeline: Timeline;
  readonly generation: Promise<Generation>;
  /** How it stands: `pending`, `started`, or the kind of its error. */
  state(): string;
  /** Rejects with its error. */
  error(): Promise<ModeldError>;
  leave(): void;
}

/** A manager on a fake server and a fake clock. */
export class ManagerRig {
  readonly clock = new FakeClock();
  readonly adapter: FakeAdapter;
  readonly manager: Manager;
  readonly events: LifecycleEvent[] = [];

  constructor(adapter: FakeAdapter, options: Partial<ManagerOptions> = {}) {
    this.adapter = adapter;
    this.manager = createManager({
      adapter,
      serverUrl: "http://127.0.0.1:8081",
      maxQueueDepth: 32,
      maxWait: 30_000,
      maxInflight: 0,
      vramBudgetMb: 0,
      vramMarginMb: 0,
      idleUnload: 0,
      drainTimeout: 2_000,
      clock: this.clock,
      random: () => 0.5,
      onEvent: (event) => this.events.push(event),
      ...options,
    });
  }

  /** Starts and opens it, and waits until it has seen its server. */
  async open(): Promise<this> {
    this.manager.start();
    this.manager.open();
    await this.clock.tick(0);
    return this;
  }

  infer(model?: string): Client {
    const timeline = new Timeline("request", this.clock);
    const controller = new AbortController();
    const generation = this.manager.infer(
      { prompt: "hello", ...(model !== undefined && { model }) },
      timeline,
      controller.signal,
    );
    let state = "pending";
    generation.then(() => state = "started", (error) => state = error instanceof ModeldError ? error.kind : "thrown");
    return {
      timeline,
      generation,
      state: () => state,
      error: () => generation.then(() => Promise.reject(new Error("it started")), (error: ModeldError) => error),
      leave: () => controller.abort(new ModeldError("cancelled", "the client left")),
    };
  }

  /** As `infer`, and lets it get as far as it can. */
  async inferred(model?: string): Promise<Client> {
    const client = this.infer(model);
    await this.clock.tick(0);
    return client;
  }

  /** Lets time pass in small steps, so that what waits again and again does so at its own pace. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 20) await this.clock.tick(Math.min(20, left));
  }

  /** Ends the generation of a client that has started. */
  async complete(client: Client, index: number): Promise<void> {
    const generation = await client.generation;
    this.adapter.generations[index]?.complete();
    await generation.next();
    await this.clock.tick(0);
  }

  /** Closes it, and checks that nothing is left. */
  async close(): Promise<void> {
    await this.manager.close();
    for (const instance of this.manager.status().instances) {
      assertEquals([instance.inflight, instance.queue_len], [0, 0], instance.model_id);
    }
    assertEquals(this.clock.pendingTimers, 0);
  }
}
