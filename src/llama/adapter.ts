/** What to generate. A field that is missing is not sent: llama-server's own default holds. */
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
  /** Headers that modeld itself sets on the upstream request (`X-Request-Id`, `traceparent`), lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Token counts, as llama-server reported them; zeros where it reported nothing. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly totalTokens: number;
  /** llama-server reported a count that cannot be one (negative, a fraction, no number): it is 0 here. */
  readonly nonsense?: true;
}

/** What counts where llama-server reported nothing. */
export const NO_USAGE: Usage = { promptTokens: 0, completionTokens: 0, totalTokens: 0 };

/** How a generation ended well. */
export interface Completion {
  /** `stop`, `length`, or whatever else llama-server said. */
  readonly finishReason: string;
  readonly usage: Usage;
  /** llama-server's `timings`, as it sent them. */
  readonly timings?: Readonly<Record<string, unknown>>;
}

/** What arrived together: the fragments of one read, and the completion when it was the last. */
export interface Chunk {
  /** Non-empty pieces of text, in order. May be empty only beside a completion. */
  readonly fragments: readonly string[];
  /** Set on the last chunk, and only there. */
  readonly completion?: Completion;
}

/**
 * One running generation. Whoever holds it either reads it to its completion, or to its error, or cancels it; each of the
 * three releases everything it holds.
 */
export interface Generation {
  /**
   * Waits for the next chunk. One call at a time; not to be called again after a completion or an error.
   * Deadlines that concern llama-server's silence run only while a call is pending, so a slow reader pauses them.
   *
   * @throws ModeldError that says why the generation failed, or the reason of the signal it was started with.
   */
  next(): Promise<Chunk>;
  /** Gives the generation up and closes its connection. Does nothing after the end. */
  cancel(): void;
}

/** What kind of server answers at the configured address. `native` has no OpenAI endpoints. */
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
 * The only way to llama-server. Every method takes a signal that ends it at once (it then rejects with the signal's
 * reason), holds the connect deadline, and rejects with a ModeldError: `unreachable` when the server cannot be reached,
 * `upstream_refused` when key or version do not fit, and so on.
 */
export interface InferenceAdapter {
  /**
   * Starts one generation; resolves once llama-server has accepted it (its headers are here). The request is never sent
   * again once llama-server may have begun it. The signal governs the generation until its end.
   *
   * @throws ModeldError; `loading` proves that the request was not begun, so the caller may try again.
   */
  generate(request: GenerateRequest, signal: AbortSignal): Promise<Generation>;
  /** Whether llama-server can serve: `ready`, or `loading` its model. A router is `ready` as soon as it answers. */
  health(signal: AbortSignal): Promise<"ready" | "loading">;
  /** Asks llama-server what it is; the answer is kept for `generate` until `forget`. */
  describe(signal: AbortSignal): Promise<ServerDescription>;
  /** The server's models; `undefined` where it has no list (a native-only build). */
  models(signal: AbortSignal): Promise<readonly ServerModel[] | undefined>;
  /** What a loaded model can take; never makes a router load it. */
  capacity(model: string, signal: AbortSignal): Promise<ModelCapacity>;
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
