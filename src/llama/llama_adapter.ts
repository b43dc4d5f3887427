import { type Clock, systemClock } from "../clock.ts";
import type {
  GenerateRequest,
  Generation,
  InferenceAdapter,
  ModelCapacity,
  ModelEvent,
  ServerDescription,
  ServerModel,
} from "./adapter.ts";
import type { RequestShape } from "./generation_request.ts";
import { modelEvents } from "./model_events.ts";
import { controlModel } from "./router_control.ts";
import { ServerClient } from "./server_client.ts";
import { capacityOf, describeServer } from "./server_description.ts";
import { ServerQueries } from "./server_queries.ts";
import { SharedDeadline } from "./shared_deadline.ts";
import { type GenerationContext, startGeneration } from "./start_generation.ts";

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
  readonly #chat: boolean;
  readonly #client: ServerClient;
  readonly #queries: ServerQueries;
  readonly #context: GenerationContext;
  /** What is known of the server until it is forgotten. */
  #hasModelList: boolean | undefined;
  #description: ServerDescription | undefined;

  constructor(options: LlamaOptions) {
    const clock = options.clock ?? systemClock;
    this.#useOpenai = options.useOpenai;
    this.#chat = options.chat;
    this.#client = new ServerClient({ ...options, clock });
    this.#queries = new ServerQueries(this.#client);
    this.#context = {
      client: this.#client,
      deadline: new SharedDeadline(options.timeout, clock),
      silence: { firstToken: options.firstTokenTimeout, idle: options.idleTimeout },
      clock,
    };
  }

  async generate(request: GenerateRequest, signal: AbortSignal): Promise<Generation> {
    return await startGeneration(this.#context, request, await this.#shape(signal), signal);
  }

  health(signal: AbortSignal): Promise<"ready" | "loading"> {
    return this.#queries.health(signal);
  }

  async describe(signal: AbortSignal): Promise<ServerDescription> {
    const hasModelList = await this.#queries.models("describe", signal) !== undefined;
    const props = await this.#queries.props("describe", undefined, signal);
    this.#hasModelList = hasModelList;
    this.#description = describeServer(props, hasModelList);
    return this.#description;
  }

  models(signal: AbortSignal): Promise<readonly ServerModel[] | undefined> {
    return this.#queries.models("models", signal);
  }

  async capacity(model: string, signal: AbortSignal): Promise<ModelCapacity> {
    const { kind } = this.#description ?? await this.describe(signal);
    const props = await this.#queries.props("capacity", kind === "router" ? model : undefined, signal);
    return props === undefined ? {} : capacityOf(props);
  }

  load(model: string, signal: AbortSignal): Promise<void> {
    return controlModel(this.#client, this.#queries, "load", model, signal);
  }

  unload(model: string, signal: AbortSignal): Promise<void> {
    return controlModel(this.#client, this.#queries, "unload", model, signal);
  }

  events(signal: AbortSignal): AsyncIterable<ModelEvent> {
    return modelEvents(this.#client, signal);
  }

  forget(): void {
    this.#hasModelList = undefined;
    this.#description = undefined;
  }

  close(): void {
    this.#client.close();
  }

  /** The server is asked once whether it has OpenAI's endpoints: those that do have a list of models. */
  async #shape(signal: AbortSignal): Promise<RequestShape> {
    if (!this.#useOpenai) return "native";
    this.#hasModelList ??= await this.#queries.models("generate", signal) !== undefined;
    if (!this.#hasModelList) return "native";
    return this.#chat ? "chat" : "completions";
  }
}
