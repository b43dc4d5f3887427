import type { JsonObject } from "../base/json.ts";
import type { Exchange } from "./exchange.ts";

/** What `/infer` asks to be generated. A field that is missing is not sent: llama-server's own default holds. */
export interface GenerateRequest {
  /** The model's id on llama-server; missing where the server has but one and gave it no name. */
  readonly model?: string;
  readonly prompt: string;
  /** New tokens at most. */
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly seed?: number;
  readonly repeatPenalty?: number;
  readonly stop?: readonly string[];
  /** Asks for `prompt_progress` events (`return_progress`). */
  readonly progress?: boolean;
  /** Headers that modeld itself sets on the upstream request (`X-Request-Id`, `traceparent`), lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request whose bytes are passed on as they are. */
export interface ForwardRequest {
  /** Where it goes on llama-server, such as `/v1/chat/completions`. */
  readonly path: string;
  /** The JSON body, in pieces that are sent one after another. */
  readonly body: readonly Uint8Array[];
  /** Whether the client asked for a stream. */
  readonly stream: boolean;
  /** How many choices will each have a `finish_reason`; see `design.md`, decision 7. */
  readonly choices: number;
  /** From the POST to the end of the answer, in ms; 0 is none. */
  readonly timeout: number;
  /** As in `GenerateRequest`. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What kind of server answers at an address. `native` has no OpenAI endpoints. */
export type ServerKind = "single" | "router" | "native";

/** What llama-server says of itself. */
export interface ServerDescription {
  readonly kind: ServerKind;
  /** `build_info` of `/props`. */
  readonly build?: string;
  /** Single model: how many generations it runs at once. */
  readonly totalSlots?: number;
  /** Router: how many models it keeps loaded at most; 0 is no limit. */
  readonly maxInstances?: number;
  /** Router: whether a request for a model that is not loaded makes the server load it. */
  readonly autoload?: boolean;
}

/** Where a model stands, in llama-server's view. */
export type ServerModelState = "unloaded" | "loading" | "loaded" | "failed";

/** One model of llama-server's list. */
export interface ServerModel {
  readonly id: string;
  /** Other names the server answers to; the id itself is not repeated. */
  readonly aliases: readonly string[];
  readonly state: ServerModelState;
  /** The model's file, as a path on the server's machine. */
  readonly path?: string;
  /** Size of the weights in bytes (`meta.size`), known once it is loaded. */
  readonly sizeBytes?: number;
  /** Context length in tokens that it runs with (`meta.n_ctx`), known once it is loaded. */
  readonly contextLength?: number;
  /** Why `state` is `failed`. */
  readonly reason?: string;
}

/** What a loaded model can take. */
export interface ModelCapacity {
  /** Generations at once. */
  readonly slots?: number;
  /** Context length in tokens. */
  readonly contextLength?: number;
}

/** A change of one model's state, as the router announces it. */
export interface ModelEvent {
  readonly model: string;
  readonly state: ServerModelState;
  /** Why `state` is `failed`. */
  readonly reason?: string;
}

/**
 * The only way to one llama-server. Every method takes a signal that ends it at once (it then rejects with the signal's
 * reason), holds the connect deadline, and rejects with a ModeldError: `unreachable` when the server cannot be reached,
 * `upstream_refused` when key or version do not fit, and so on. The error says whether a generation may have begun.
 */
export interface LlamaServer {
  /** When bytes last came from it, in the clock's ms; -Infinity before the first. Evidence that it lives. */
  readonly lastHeardAt: number;
  /**
   * Starts one generation for `/infer`; resolves once llama-server has accepted it (its headers are here). The request is
   * never sent again once llama-server may have begun it. The signal governs the exchange until its end.
   *
   * @throws ModeldError; where its `begun` is `no`, the caller may try again, there or elsewhere.
   */
  generate(request: GenerateRequest, signal: AbortSignal): Promise<Exchange>;
  /** As `generate`, for a request whose bytes are passed on. An error that llama-server answered is in the error's `reply`. */
  forward(request: ForwardRequest, signal: AbortSignal): Promise<Exchange>;
  /** Whether llama-server can serve: `ready`, or `loading` its model. A router is `ready` as soon as it answers. */
  health(signal: AbortSignal): Promise<"ready" | "loading">;
  /** Asks llama-server what it is; the answer is kept for `generate` until `forget`. */
  describe(signal: AbortSignal): Promise<ServerDescription>;
  /** The server's models; `undefined` where it has no list (a native-only build). */
  models(signal: AbortSignal): Promise<readonly ServerModel[] | undefined>;
  /** What a loaded model can take; never makes a router load it. */
  capacity(model: string, signal: AbortSignal): Promise<ModelCapacity>;
  /** How many slots of a loaded model are generating (`GET /slots`); `undefined` where the server does not say. */
  busySlots(model: string, signal: AbortSignal): Promise<number | undefined>;
  /** The whole of `GET /props`, of the server or of one of a router's models; never makes it load one. */
  props(model: string | undefined, signal: AbortSignal): Promise<JsonObject>;
  /** Router: asks for a load; resolves when it is accepted, not when it is done. A model already loading or loaded is fine. */
  load(model: string, signal: AbortSignal): Promise<void>;
  /** Router: asks for an unload; resolves when it is accepted. A model that is not loaded is fine. */
  unload(model: string, signal: AbortSignal): Promise<void>;
  /** Router: state changes as they come; ends when the server closes it, rejects with `upstream_refused` where there are none. */
  events(signal: AbortSignal): AsyncIterable<ModelEvent>;
  /** Forgets what kind of server it was; called when the server was lost. */
  forget(): void;
  /** Releases pooled connections. */
  close(): void;
}
