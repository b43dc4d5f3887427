import { ModeldError } from "../../src/base/errors.ts";
import type {
  Chunk,
  GenerateRequest,
  Generation,
  InferenceAdapter,
  ModelCapacity,
  ModelEvent,
  ServerDescription,
  ServerModel,
  ServerModelState,
} from "../../src/llama/llama_server.ts";

/** A generation that ends when the test says so. */
export class FakeGeneration implements Generation {
  readonly request: GenerateRequest;
  cancelled = false;
  readonly #end = Promise.withResolvers<Chunk>();

  constructor(request: GenerateRequest, signal: AbortSignal) {
    this.request = request;
    signal.addEventListener("abort", () => this.#end.reject(signal.reason), { once: true });
    // A test need not read a generation that it aborts.
    this.#end.promise.catch(() => {});
  }

  complete(): void {
    const usage = { promptTokens: 0, completionTokens: 0, totalTokens: 0 };
    this.#end.resolve({ fragments: [], completion: { finishReason: "stop", usage } });
  }

  fail(error: ModeldError): void {
    this.#end.reject(error);
  }

  next(): Promise<Chunk> {
    return this.#end.promise;
  }

  cancel(): void {
    this.cancelled = true;
  }
}

/** A llama-server in memory, which does what the test tells it. */
export class FakeAdapter implements InferenceAdapter {
  description: ServerDescription = { kind: "single", totalSlots: 1, build: "b1" };
  healthState: "ready" | "loading" = "ready";
  /** Set: every call is refused with it. */
  down: ModeldError | undefined;
  /** Set: the next generation is refused with it, once. */
  refuseNext: ModeldError | undefined;
  /** Whether it has a list of models. */
  hasList = true;
  slots: number | undefined = 1;
  readonly listed = new Map<string, ServerModel>();
  /** Every generation begun, in order. */
  readonly generations: FakeGeneration[] = [];
  /** Every load and unload, in order, such as `load a`. */
  readonly orders: string[] = [];
  looks = 0;
  forgotten = 0;
  closed = false;
  readonly #listeners = new Set<(event: ModelEvent) => void>();

  constructor(...ids: readonly string[]) {
    for (const id of ids) this.listed.set(id, { id, aliases: [], state: "loaded" });
  }

  /** A router that has all of the given models, none loaded. */
  static router(maxInstances: number, ...ids: readonly string[]): FakeAdapter {
    const adapter = new FakeAdapter(...ids);
    adapter.description = { kind: "router", maxInstances, autoload: true };
    for (const id of ids) adapter.listed.set(id, { id, aliases: [], state: "unloaded" });
    return adapter;
  }

  /** Changes a model's state, and tells of it. */
  set(id: string, state: ServerModelState, reason?: string): void {
    this.listed.set(id, { id, aliases: [], state, ...(reason !== undefined && { reason }) });
    for (const listener of this.#listeners) listener({ model: id, state });
  }

  get last(): FakeGeneration {
    const last = this.generations.at(-1);
    if (last === undefined) throw new Error("no generation has begun");
    return last;
  }

  generate(request: GenerateRequest, signal: AbortSignal): Promise<Generation> {
    const refusal = this.down ?? this.refuseNext;
    this.refuseNext = undefined;
    if (refusal !== undefined) return Promise.reject(refusal);
    const generation = new FakeGeneration(request, signal);
    this.generations.push(generation);
    return Promise.resolve(generation);
  }

  health(_signal?: AbortSignal): Promise<"ready" | "loading"> {
    return this.#answer(this.healthState);
  }

  describe(): Promise<ServerDescription> {
    this.looks++;
    return this.#answer(this.description);
  }

  models(_signal?: AbortSignal): Promise<readonly ServerModel[] | undefined> {
    return this.#answer(this.hasList ? [...this.listed.values()] : undefined);
  }

  capacity(): Promise<ModelCapacity> {
    return this.#answer(this.slots === undefined ? {} : { slots: this.slots });
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

  #answer<T>(value: T): Promise<T> {
    return this.down === undefined ? Promise.resolve(value) : Promise.reject(this.down);
  }
}
