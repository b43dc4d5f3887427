import { type Clock, systemClock } from "../base/clock.ts";
import type {
  GenerateRequest,
  Generation,
  InferenceAdapter,
  ModelCapacity,
  ModelEvent,
  ServerDescription,
  ServerModel,
} from "./adapter.ts";
import { KeyMask } from "./key_mask.ts";
import type { RequestShape } from "./generation/generation_request.ts";
import { modelEvents } from "./server/model_events.ts";
import { controlModel } from "./server/router_control.ts";
import { ServerClient } from "./connection/server_client.ts";
import { ServerIdentity } from "./server/server_identity.ts";
import { ServerQueries } from "./server/server_queries.ts";
import { SharedDeadline } from "./connection/shared_deadline.ts";
import { type GenerationContext, startGeneration } from "./generation/start_generation.ts";

/** How to reach llama-server and how to talk to it. Durations in ms, 0 = none. */
export interface LlamaOptions {
  /** May carry a path prefix and a trailing slash; holds no credentials. */
  readonly url: URL;
  readonly apiKey?: string;
  /** From the POST to the end of its answer. */
  readonly timeout: number;
  /** To reach the server, never its thinking. */
  readonly connectTimeout: number;
  /** Longest silence before the first token. */
  readonly firstTokenTimeout: number;
  /** Longest silence between tokens. */
  readonly idleTimeout: number;
  /** Prefer the OpenAI endpoints where the server has them. */
  readonly useOpenai: boolean;
  /** Send the prompt as a user's message, through the model's chat template. */
  readonly chat: boolean;
  /** Certificates of private CAs, PEM. */
  readonly caCerts?: readonly string[];
  readonly clock?: Clock;
}

/** The way to the llama-server at `options.url`. Nothing is sent before it is asked to. */
export function createLlamaAdapter(options: LlamaOptions): InferenceAdapter {
  return new LlamaAdapter(options);
}

class LlamaAdapter implements InferenceAdapter {
  readonly #useOpenai: boolean;
  readonly #openaiShape: RequestShape;
  readonly #client: ServerClient;
  readonly #queries: ServerQueries;
  readonly #identity: ServerIdentity;
  readonly #context: GenerationContext;
  readonly #mask: KeyMask;

  constructor(options: LlamaOptions) {
    const clock = options.clock ?? systemClock;
    this.#mask = new KeyMask(options.apiKey);
    this.#useOpenai = options.useOpenai;
    this.#openaiShape = options.chat ? "chat" : "completions";
    this.#client = new ServerClient({ ...options, clock });
    this.#queries = new ServerQueries(this.#client);
    this.#identity = new ServerIdentity(this.#queries);
    this.#context = {
      client: this.#client,
      deadline: new SharedDeadline(options.timeout, clock),
      silence: { firstToken: options.firstTokenTimeout, idle: options.idleTimeout },
      clock,
      mask: this.#mask,
    };
  }

  async generate(request: GenerateRequest, signal: AbortSignal): Promise<Generation> {
    return await this.#mask.apply(this.#start(request, signal));
  }

  health(signal: AbortSignal): Promise<"ready" | "loading"> {
    return this.#mask.apply(this.#queries.health(signal));
  }

  describe(signal: AbortSignal): Promise<ServerDescription> {
    return this.#mask.apply(this.#identity.describe(signal));
  }

  models(signal: AbortSignal): Promise<readonly ServerModel[] | undefined> {
    return this.#mask.apply(this.#identity.models(signal));
  }

  capacity(model: string, signal: AbortSignal): Promise<ModelCapacity> {
    return this.#mask.apply(this.#identity.capacity(model, signal));
  }

  load(model: string, signal: AbortSignal): Promise<void> {
    return this.#mask.apply(controlModel(this.#client, this.#queries, "load", model, signal));
  }

  unload(model: string, signal: AbortSignal): Promise<void> {
    return this.#mask.apply(controlModel(this.#client, this.#queries, "unload", model, signal));
  }

  async *events(signal: AbortSignal): AsyncIterable<ModelEvent> {
    try {
      yield* modelEvents(this.#client, signal);
    } catch (error) {
      throw this.#mask.error(error);
    }
  }

  forget(): void {
    this.#identity.forget();
  }

  close(): void {
    this.#client.close();
  }

  async #start(request: GenerateRequest, signal: AbortSignal): Promise<Generation> {
    const openai = this.#useOpenai && await this.#identity.hasOpenai(signal);
    return await startGeneration(this.#context, request, openai ? this.#openaiShape : "native", signal);
  }
}
