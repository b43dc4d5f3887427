import { ModeldError } from "../../src/base/errors.ts";
import type { JsonObject } from "../../src/base/json.ts";
import type { Completion, Ending, EventBatch, Exchange } from "../../src/llama/exchange.ts";
import type {
  ForwardRequest,
  GenerateRequest,
  LlamaServer,
  ModelCapacity,
  ModelEvent,
  ServerDescription,
  ServerModel,
  ServerModelState,
} from "../../src/llama/llama_server.ts";

const COMPLETION: Completion = {
  finishReason: "stop",
  usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0 },
};

/** An exchange that ends when the test says so, or when its signal aborts. */
export class FakeExchange implements Exchange {
  readonly request: GenerateRequest | ForwardRequest;
  readonly contentType = "text/event-stream";
  readonly isStream = true;
  completion: Completion | undefined;
  cancelled = false;
  readonly #end = Promise.withResolvers<undefined>();
  #ending: Ending | undefined;
  #onEnd: ((ending: Ending) => void) | undefined;

  constructor(request: GenerateRequest | ForwardRequest, signal: AbortSignal) {
    this.request = request;
    // A test need not read an exchange that it aborts.
    this.#end.promise.catch(() => {});
    signal.addEventListener("abort", () => {
      this.#end.reject(signal.reason);
      this.#finish({ kind: "cancelled" });
    }, { once: true });
  }

  complete(completion: Completion = COMPLETION): void {
    this.completion = completion;
    this.#end.resolve(undefined);
    this.#finish({ kind: "completed", completion });
  }

  fail(error: ModeldError): void {
    this.#end.reject(error);
    this.#finish({ kind: "failed", error });
  }

  read(): Promise<EventBatch | undefined> {
    return this.#end.promise;
  }

  cancel(): void {
    this.cancelled = true;
    this.#finish({ kind: "cancelled" });
  }

  onEnd(callback: (ending: Ending) => void): void {
    if (this.#ending !== undefined) callback(this.#ending);
    else this.#onEnd = callback;
  }

  #finish(ending: Ending): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    this.#onEnd?.(ending);
  }
}

/** A llama-server in memory, which does what the test says. */
export class FakeLlamaServer implements LlamaServer {
  description: ServerDescription = { kind: "single", totalSlots: 1, build: "b1" };
  healthState: "ready" | "loading" = "ready";
  lastHeardAt = -Infinity;
  /** Set: every call is refused with it. */
  down: unknown;
  /** Set: the next exchange is refused with it, once. */
  refuseNext: ModeldError | undefined;
  /** Whether an exchange is complete as soon as it has begun. */
  completeAtOnce = false;
  /** Whether it has a list of models. */
  hasList = true;
  slots: number | undefined = 1;
  /** What it says of how many slots are busy. */
  busy: number | undefined = 0;
  readonly listed = new Map<string, ServerModel>();
  /** Every exchange begun, in order. */
  readonly exchanges: FakeExchange[] = [];
  /** Every load and unload, in order, such as `load a`. */
  readonly orders: string[] = [];
  polls = 0;
  forgotten = 0;
  closed = false;
  readonly #listeners = new Set<(event: ModelEvent) => void>();

  constructor(...ids: readonly string[]) {
    for (const id of ids) this.listed.set(id, { id, aliases: [], state: "loaded" });
  }

  /** A router that has all of the given models, none loaded. */
  static router(maxInstances: number, ...ids: readonly string[]): FakeLlamaServer {
    const server = new FakeLlamaServer(...ids);
    server.description = { kind: "router", maxInstances, autoload: true };
    for (const id of ids) server.listed.set(id, { id, aliases: [], state: "unloaded" });
    return server;
  }

  /** Changes a model's state, and reports it. */
  set(id: string, state: ServerModelState, reason?: string): void {
    this.listed.set(id, { id, aliases: [], state, ...(reason !== undefined && { reason }) });
    for (const listener of this.#listeners) listener({ model: id, state });
  }

  get last(): FakeExchange {
    const last = this.exchanges.at(-1);
    if (last === undefined) throw new Error("no exchange has begun");
    return last;
  }

  generate(request: GenerateRequest, signal: AbortSignal): Promise<Exchange> {
    return this.#open(request, signal);
  }

  forward(request: ForwardRequest, signal: AbortSignal): Promise<Exchange> {
    return this.#open(request, signal);
  }

  health(_signal?: AbortSignal): Promise<"ready" | "loading"> {
    return this.#answer(this.healthState);
  }

  describe(_signal?: AbortSignal): Promise<ServerDescription> {
    this.polls++;
    return this.#answer(this.description);
  }

  models(_signal?: AbortSignal): Promise<readonly ServerModel[] | undefined> {
    return this.#answer(this.hasList ? [...this.listed.values()] : undefined);
  }

  capacity(): Promise<ModelCapacity> {
    return this.#answer(this.slots === undefined ? {} : { slots: this.slots });
  }

  busySlots(): Promise<number | undefined> {
    return this.#answer(this.busy);
  }

  props(): Promise<JsonObject> {
    return this.#answer({ total_slots: this.slots ?? 1, model_path: "/srv/m.gguf" });
  }

  load(model: string, _signal: AbortSignal): Promise<void> {
    this.orders.push(`load ${model}`);
    if (this.down === undefined) this.set(model, "loading");
    return this.#answer(undefined);
  }

  unload(model: string): Promise<void> {
    this.orders.push(`unload ${model}`);
    return this.#answer(undefined);
  }

  async *events(signal: AbortSignal): AsyncGenerator<ModelEvent> {
    if (this.description.kind !== "router") throw new ModeldError("upstream_refused", "no events");
    const pending: ModelEvent[] = [];
    let wake = (): void => {};
    const listener = (event: ModelEvent): void => {
      pending.push(event);
      wake();
    };
    this.#listeners.add(listener);
    try {
      while (!signal.aborted) {
        yield* pending.splice(0);
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      }
    } finally {
      this.#listeners.delete(listener);
    }
  }

  forget(): void {
    this.forgotten++;
  }

  close(): void {
    this.closed = true;
  }

  #open(request: GenerateRequest | ForwardRequest, signal: AbortSignal): Promise<Exchange> {
    const refusal = this.down ?? this.refuseNext;
    this.refuseNext = undefined;
    if (refusal !== undefined) return Promise.reject(refusal);
    const exchange = new FakeExchange(request, signal);
    this.exchanges.push(exchange);
    if (this.completeAtOnce) exchange.complete();
    return Promise.resolve(exchange);
  }

  #answer<T>(value: T): Promise<T> {
    return this.down === undefined ? Promise.resolve(value) : Promise.reject(this.down);
  }
}
