import type { GenerateRequest, Generation } from "../llama/adapter.ts";
import type { Timeline } from "../base/timeline.ts";
import type { Status } from "./status.ts";

/** One model as `GET /models` shows it. */
export interface ModelInfo {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly quant: string;
  readonly family?: string;
}

/** What `GET /readyz` answers. */
export type Readiness = "ready" | "loading" | "unreachable" | "not configured" | "draining";

/** The one owner of models, instances, queue and slots. */
export interface Manager {
  /**
   * Resolves the model, makes it ready, waits for a slot and starts the generation. The slot is given back when the
   * generation ends, whatever ended it. `request.model` is what the client named, if anything.
   *
   * Marks the timeline's model and its stages `queue`, `load` and `prefill` as they begin.
   *
   * @throws ModeldError that says why the request cannot be served, or the signal's reason.
   */
  infer(request: GenerateRequest, timeline: Timeline, signal: AbortSignal): Promise<Generation>;
  /** The models that can be asked for. */
  models(): readonly ModelInfo[];
  /** What `GET /status` answers. */
  status(): Status;
  /** Whether a request for the default model would be served. */
  readiness(): Readiness;
  /** Starts to watch llama-server. */
  start(): void;
  /** Lets requests in. Until then `infer` rejects with `loading`. */
  open(): void;
  /** Turns new and queued requests away with `shutting_down`; those that hold a slot go on. */
  drain(): void;
  /** Stops watching and releases everything; resolves when nothing is left running. */
  close(): Promise<void>;
}
