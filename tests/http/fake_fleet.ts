import type { RequestContext } from "../../src/base/request_context.ts";
import type { JsonObject } from "../../src/base/json.ts";
import type { CatalogModel, Fleet, FleetRequest, ModelInfo, QueuePlace } from "../../src/dispatch/fleet.ts";
import type { Readiness, Status } from "../../src/dispatch/status.ts";
import type { Completion, Ending, EventBatch, EventView, Exchange, WireEvent } from "../../src/llama/exchange.ts";
import type { ForwardRequest, GenerateRequest } from "../../src/llama/llama_server.ts";
import { FakeLlamaServer } from "../support/fake_llama_server.ts";

/** How fake exchanges end unless the test says otherwise. */
export const COMPLETION: Completion = {
  finishReason: "stop",
  usage: { promptTokens: 3, completionTokens: 2, totalTokens: 5 },
};

const NO_BYTES = new Uint8Array(0);

/** An event with this text, or what else it says. */
export function textEvent(text: string, rest: Partial<EventView> = {}): WireEvent {
  const view = { text, reasoning: "", isToolCall: false, finishReason: undefined, progress: undefined, ...rest };
  return { kind: "data", view };
}

/** An exchange whose batches come when the test says so. Counts its own misuse as an error. */
export class ScriptedExchange implements Exchange {
  readonly contentType = "text/event-stream";
  readonly isStream = true;
  completion: Completion | undefined;
  /** How often the next batch was asked for. */
  reads = 0;
  readonly #signal: AbortSignal;
  readonly #batches: EventBatch[] = [];
  #endless: EventBatch | undefined;
  #last: Completion | undefined;
  #error: unknown;
  #ending: Ending | undefined;
  #onEnd: ((ending: Ending) => void) | undefined;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#aborted);
    if (signal.aborted) this.#aborted();
  }

  /** Fragments that arrive together. */
  push(...fragments: string[]): this {
    return this.events(...fragments.map((text) => textEvent(text)));
  }

  /** Events that arrive together. */
  events(...events: WireEvent[]): this {
    this.#batches.push({ bytes: NO_BYTES, events });
    this.#wake?.();
    return this;
  }

  /** This fragment arrives again and again, as fast as it is asked for. */
  flow(fragment: string): this {
    this.#endless = { bytes: NO_BYTES, events: [textEvent(fragment)] };
    return this;
  }

  /** The exchange is complete once what was pushed has been read. */
  complete(completion: Completion = COMPLETION): this {
    this.#last = completion;
    this.#wake?.();
    return this;
  }

  /** The exchange fails once what was pushed has been read. */
  fail(error: unknown): this {
    this.#error = error;
    this.#wake?.();
    return this;
  }

  async read(): Promise<EventBatch | undefined> {
    this.reads++;
    if (this.completion !== undefined) throw new Error("read() was called after the end");
    for (;;) {
      if (this.#signal.aborted) throw this.#signal.reason;
      const batch = this.#batches.shift() ?? this.#endless;
      if (batch !== undefined) return batch;
      if (this.#error !== undefined) {
        this.#end({ kind: "cancelled" });
        throw this.#error;
      }
      if (this.#last !== undefined) {
        this.completion = this.#last;
        this.#end({ kind: "completed", completion: this.#last });
        return undefined;
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  cancel(): void {
    this.#end({ kind: "cancelled" });
  }

  onEnd(callback: (ending: Ending) => void): void {
    if (this.#ending !== undefined) callback(this.#ending);
    else this.#onEnd = callback;
  }

  readonly #aborted = () => this.#end({ kind: "cancelled" });

  #end(ending: Ending): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    this.#signal.removeEventListener("abort", this.#aborted);
    this.#onEnd?.(ending);
    this.#wake?.();
  }
}

/** A call of `exchange`, seen from inside. */
export interface ExchangeCall {
  /** What was sent to the server, as an API made it. */
  readonly sent: GenerateRequest | ForwardRequest;
  readonly request: FleetRequest;
  readonly context: RequestContext;
  readonly signal: AbortSignal;
}

/** A fleet that does what a test says, and counts slots. */
export class FakeFleet implements Fleet {
  readonly calls: ExchangeCall[] = [];
  /** Slots taken now. */
  inUse = 0;
  state: Readiness = "ready";
  modelList: readonly ModelInfo[] = [];
  places: readonly QueuePlace[] = [];
  statusReply: Partial<Status> = {};
  /** What each exchange does; it may also throw, or wait. */
  script: (exchange: ScriptedExchange, call: ExchangeCall) => unknown = (exchange) => {
    exchange.push("Hello").push(" world").complete();
  };
  #onCall: (() => void) | undefined;

  async exchange(request: FleetRequest, context: RequestContext): Promise<Exchange> {
    const { signal } = context;
    if (signal.aborted) throw signal.reason;
    const server = new FakeLlamaServer();
    const target = { server, model: request.model, isRouter: false };
    await request.open(target, new AbortController().signal);
    const call = { sent: server.last.request, request, context, signal };
    this.calls.push(call);
    this.#onCall?.();
    const exchange = new ScriptedExchange(signal);
    this.inUse++;
    exchange.onEnd(() => this.inUse--);
    try {
      await this.script(exchange, call);
    } catch (error) {
      exchange.cancel();
      throw error;
    }
    return exchange;
  }

  /** Resolves when `exchange` has been called that often. */
  async called(times = 1): Promise<void> {
    while (this.calls.length < times) await new Promise<void>((resolve) => this.#onCall = resolve);
  }

  models(): readonly ModelInfo[] {
    return this.modelList;
  }

  catalog(): readonly CatalogModel[] {
    return this.modelList.map(({ id }) => ({ id, aliases: [], state: "loaded", sinceUnix: 1 }));
  }

  props(_model: string | undefined): Promise<JsonObject> {
    return Promise.resolve({ total_slots: 1, model_path: "/srv/m.gguf" });
  }

  status(): Status {
    return this.statusReply as Status;
  }

  queuePlaces(): readonly QueuePlace[] {
    return this.places;
  }

  readiness(): Readiness {
    return this.state;
  }

  start(): void {}
  open(): void {}
  drain(): void {}
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Waits for the signal's abort and throws its reason, as a wait in the queue does. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
