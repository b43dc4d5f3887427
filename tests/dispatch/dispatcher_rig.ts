import { assertEquals } from "@std/assert";
import { plainClient } from "../../src/base/client.ts";
import { ModeldError } from "../../src/base/errors.ts";
import { Timeline } from "../../src/base/timeline.ts";
import { Dispatcher } from "../../src/dispatch/dispatcher.ts";
import type { Terms } from "../../src/dispatch/state.ts";
import type { Exchange } from "../../src/llama/exchange.ts";
import type { LifecycleEvent } from "../../src/upstream/lifecycle.ts";
import { FakeClock } from "../support/fake_clock.ts";
import type { FakeLlamaServer } from "../support/fake_llama_server.ts";

/** A client without limits. */
export const ANYBODY = plainClient("anybody", []);

/** modeld's default terms. */
export const TERMS: Terms = {
  maxQueueDepth: 32,
  maxWait: 30_000,
  maxInflight: 0,
  vramBudgetMb: 0,
  vramMarginMb: 0,
  idleUnload: 0,
  drainTimeout: 2_000,
  priorityAgeing: 10_000,
  maxAffinityWait: 8_000,
  maxReplicas: 0,
};

/** A request as its client has it. */
export interface Client {
  readonly timeline: Timeline;
  readonly exchange: Promise<Exchange>;
  /** How it stands: `pending`, `started`, or the kind of its error. */
  state(): string;
  /** Rejects with its error. */
  error(): Promise<ModeldError>;
  /** Aborts its signal, because the client left or for another reason. */
  leave(reason?: ModeldError): void;
}

/** A dispatcher on fake servers and a fake clock. */
export class DispatcherRig {
  readonly clock = new FakeClock();
  readonly server: FakeLlamaServer;
  readonly fleet: Dispatcher;
  readonly events: LifecycleEvent[] = [];

  constructor(
    server: FakeLlamaServer,
    terms: Partial<Terms> & { readonly modelsDir?: string } = {},
    ...more: FakeLlamaServer[]
  ) {
    this.server = server;
    const { modelsDir, ...others } = terms;
    const present: Terms = { ...TERMS, ...others };
    this.fleet = new Dispatcher({
      servers: [server, ...more].map((connection, index) => ({
        name: `server-${index + 1}`,
        url: `http://127.0.0.1:${8081 + index}`,
        connection,
      })),
      terms: () => present,
      modelsDir,
      clock: this.clock,
      random: () => 0.5,
      onEvent: (event) => this.events.push(event),
    });
  }

  /** Starts and opens it, and waits until it has seen its servers. */
  async open(): Promise<this> {
    this.fleet.start();
    this.fleet.open();
    await this.clock.tick(0);
    return this;
  }

  request(model?: string, signal?: AbortSignal): Client {
    const timeline = new Timeline("request", this.clock);
    const controller = new AbortController();
    const exchange = this.fleet.exchange({
      model,
      slots: 1,
      open: ({ server, model }, signal) =>
        server.generate({ prompt: "hello", ...(model !== undefined && { model }) }, signal),
    }, {
      id: "request",
      timeline,
      client: ANYBODY,
      priority: "default",
      signal: signal ?? controller.signal,
    });
    let state = "pending";
    exchange.then(() => state = "started", (error) => state = error instanceof ModeldError ? error.kind : "thrown");
    return {
      timeline,
      exchange,
      state: () => state,
      error: () => exchange.then(() => Promise.reject(new Error("it started")), (error: ModeldError) => error),
      leave: (reason = new ModeldError("cancelled", "the client left")) => controller.abort(reason),
    };
  }

  /** As `request`, and lets it get as far as it can. */
  async requested(model?: string): Promise<Client> {
    const client = this.request(model);
    await this.clock.tick(0);
    return client;
  }

  /** Slots that are leased of the first model. */
  get inflight(): number | undefined {
    return this.fleet.status().instances[0]?.inflight;
  }

  /** Lets time pass in small steps, so that what waits again and again does so at its own pace. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 20) await this.clock.tick(Math.min(20, left));
  }

  /** Ends the exchange of a client that has started. */
  async complete(client: Client, index: number): Promise<void> {
    await client.exchange;
    this.server.exchanges[index]?.complete();
    await this.clock.tick(0);
  }

  /** Closes it, and checks that nothing is left. */
  async close(): Promise<void> {
    await this.fleet.close();
    for (const instance of this.fleet.status().instances) {
      assertEquals([instance.inflight, instance.queue_len], [0, 0], instance.model_id);
    }
    assertEquals(this.clock.pendingTimers, 0);
  }
}
