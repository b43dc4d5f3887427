import { type Clock, systemClock } from "../base/clock.ts";
import type { JsonObject } from "../base/json.ts";
import { HttpClient, type HttpTerms } from "./connection/http_client.ts";
import type { Exchange } from "./exchange.ts";
import type {
  ForwardRequest,
  GenerateRequest,
  LlamaServer,
  ModelCapacity,
  ModelEvent,
  ServerDescription,
  ServerModel,
} from "./llama_server.ts";
import { type ExchangeTerms, Requests } from "./requests.ts";
import { controlModel, modelEvents } from "./server/router.ts";
import { ServerIdentity } from "./server/server_identity.ts";
import { ServerQueries } from "./server/server_queries.ts";

/** How to talk to llama-server. It may change at any time: a request keeps what holds when it is sent. */
export interface LlamaTerms extends HttpTerms, ExchangeTerms {
  /** Prefer the OpenAI endpoints where the server has them. */
  readonly useOpenai: boolean;
  /** Send the prompt as a user's message, through the model's chat template. */
  readonly chat: boolean;
}

/** How to reach llama-server, and how to talk to it. */
export interface LlamaOptions {
  /** May carry a path prefix and a trailing slash; holds no credentials. */
  readonly url: URL;
  /** The present ones. */
  readonly terms: () => LlamaTerms;
  /** Certificates of private CAs, PEM. */
  readonly caCerts?: readonly string[];
  readonly clock?: Clock;
}

/** The way to the llama-server at `options.url`. Nothing is sent before one of its methods is called. */
export function connectLlamaServer(options: LlamaOptions): LlamaServer {
  return new ConnectedServer(options);
}

class ConnectedServer implements LlamaServer {
  readonly #terms: () => LlamaTerms;
  readonly #client: HttpClient;
  readonly #queries: ServerQueries;
  readonly #identity: ServerIdentity;
  readonly #requests: Requests;

  constructor(options: LlamaOptions) {
    const { terms, clock = systemClock } = options;
    this.#terms = terms;
    this.#client = new HttpClient({ ...options, clock });
    this.#queries = new ServerQueries(this.#client);
    this.#identity = new ServerIdentity(this.#queries);
    this.#requests = new Requests(this.#client, terms, clock);
  }

  get lastHeardAt(): number {
    return this.#client.lastHeardAt;
  }

  async generate(request: GenerateRequest, signal: AbortSignal): Promise<Exchange> {
    const { useOpenai, chat } = this.#terms();
    const openai = useOpenai && await this.#identity.hasOpenai(signal);
    const shape = chat ? "chat" : "completions";
    return await this.#requests.generate(request, openai ? shape : "native", signal);
  }

  forward(request: ForwardRequest, signal: AbortSignal): Promise<Exchange> {
    return this.#requests.forward(request, signal);
  }

  health(signal: AbortSignal): Promise<"ready" | "loading"> {
    return this.#queries.health(signal);
  }

  describe(signal: AbortSignal): Promise<ServerDescription> {
    return this.#identity.describe(signal);
  }

  models(signal: AbortSignal): Promise<readonly ServerModel[] | undefined> {
    return this.#identity.models(signal);
  }

  capacity(model: string, signal: AbortSignal): Promise<ModelCapacity> {
    return this.#identity.capacity(model, signal);
  }

  busySlots(model: string, signal: AbortSignal): Promise<number | undefined> {
    return this.#identity.busySlots(model, signal);
  }

  props(model: string | undefined, signal: AbortSignal): Promise<JsonObject> {
    return this.#queries.rawProps(model, signal);
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
    this.#identity.forget();
  }

  close(): void {
    this.#client.close();
    this.#requests.close();
  }
}
