import type { Client } from "../base/client.ts";
import type { JsonObject } from "../base/json.ts";
import type { RequestContext } from "../base/request_context.ts";
import type { Timeline } from "../base/timeline.ts";
import type { Exchange } from "../llama/exchange.ts";
import type { LlamaServer } from "../llama/llama_server.ts";
import type { Fingerprint } from "./affinity/fingerprint.ts";
import type { Readiness, Status } from "./status.ts";

/** What a request needs of the fleet. */
export interface FleetRequest {
  /** What the client named, if anything. */
  readonly model: string | undefined;
  /** Slots that it can use at once; 0 for a call that takes none and needs only the model. */
  readonly slots: number;
  /** Its prompt, by which a server is chosen; made only where there are several. */
  prompt?(): Fingerprint;
  /** Its answer comes whole, so that llama-server may not notice when it is given up. */
  readonly isWhole?: boolean;
  /** Sends it to the server that was chosen. May be called again, for another server, after an error that proves that nothing began. */
  open(target: Target, signal: AbortSignal): Promise<Exchange>;
}

/** Where a request is to be sent. */
export interface Target {
  readonly server: LlamaServer;
  /** The server's own id of the model; undefined where it has but one without a name. */
  readonly model: string | undefined;
  /** Whether the server has several models, so that a request must name its own. */
  readonly isRouter: boolean;
}

/** One model as `GET /models` shows it. */
export interface ModelInfo {
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly quant: string;
  readonly family?: string;
}

/** One model as `GET /v1/models` shows it. */
export interface CatalogModel {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly state: string;
  /** In tokens, known once it is loaded. */
  readonly contextLength?: number;
  /** When it was loaded, else when modeld started; Unix seconds. */
  readonly sinceUnix: number;
}

/** Where a request stands in its model's queue. */
export interface QueuePlace {
  readonly timeline: Timeline;
  /** 1 is next. */
  readonly position: number;
  /** Until it gets a slot, by what requests of the model took lately, in ms; missing where none has ended yet. */
  readonly expectedWaitMs?: number;
}

/** All llama-servers as one: the one owner of models, queues and slots. */
export interface Fleet {
  /**
   * Resolves the model, makes it ready, waits for slots and opens the exchange. The slots are leased until the exchange has
   * ended or the context's signal has aborted, whichever comes first, whether or not anybody reads.
   *
   * Marks the timeline's model and its stages `queue`, `load` and `prefill` as they begin.
   *
   * @throws ModeldError that says why the request cannot be served, or the signal's reason.
   */
  exchange(request: FleetRequest, context: RequestContext): Promise<Exchange>;
  /** The models that can be asked for. */
  models(): readonly ModelInfo[];
  /** The same models as OpenAI's API lists them. */
  catalog(): readonly CatalogModel[];
  /**
   * What a server says of a model that is loaded there (`GET /props`); never makes it load one.
   *
   * @param client who asks; undefined: somebody who may use every model
   * @throws ModeldError `model_not_found`, `model_forbidden`, `loading` where it is not loaded
   */
  props(model: string | undefined, client: Client | undefined, signal: AbortSignal): Promise<JsonObject>;
  /** What `GET /status` answers. */
  status(): Status;
  /** Where those stand that wait for a slot. */
  queuePlaces(): readonly QueuePlace[];
  /** Whether a request for the default model would be served. */
  readiness(): Readiness;
  /** Starts to poll the servers. */
  start(): void;
  /** Lets requests in. Until then `exchange` rejects with `loading`. */
  open(): void;
  /** Turns new and queued requests away with `shutting_down`; those that hold slots go on. */
  drain(): void;
  /** Stops polling and releases everything; resolves when nothing is left running. */
  close(): Promise<void>;
}
