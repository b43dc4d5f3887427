import type { Clock } from "../../../base/clock.ts";
import type { Stage } from "../../../base/timeline.ts";
import type { Fleet, QueuePlace } from "../../../dispatch/fleet.ts";
import type { InstanceStatus, ServerStatus, Status } from "../../../dispatch/status.ts";
import type { Recent, RecentFigures } from "../../../telemetry/recent.ts";
import type { Inference, Inferences } from "../../inference.ts";

/** How many requests are listed one by one; the rest are counted. */
export const MOST_LISTED = 500;

/** A view that is younger than this is shown to the next reader as well, in ms. */
const FRESH_MS = 100;

/** One request that has not ended, as `GET /events` shows it. */
export interface RequestView {
  /** Unique in this process, in order of arrival. */
  readonly number: number;
  readonly id: string;
  /** The word for its client; a reader's own stands in the snapshot. */
  readonly client: string;
  readonly model?: string;
  readonly server?: string;
  readonly arrived_unix_ms: number;
  /** The stages so far, each with the milliseconds from arrival to its beginning. */
  readonly stages: readonly (readonly [Stage, number])[];
  /** Tokens of the prompt, and those of them that are read, while llama-server says so. */
  readonly prompt_tokens?: number;
  readonly prompt_done?: number;
  /** In its model's queue; 1 is next. */
  readonly position?: number;
  readonly expected_wait_ms?: number;
  /** Tokens so far; of a stream its fragments. */
  readonly tokens: number;
}

/** An instance as `GET /events` shows it: as in `/status`, with what its slots do and what its generations were like. */
export interface InstanceView extends InstanceStatus {
  /** Requests whose prompt is being read there, and those that stream. */
  readonly prefill: number;
  readonly streaming: number;
  /** Sums since modeld started, where llama-server told; of the prompt tokens, those that were in its cache. */
  readonly prompt_tokens?: number;
  readonly cached_tokens?: number;
  /** Of one generation lately. */
  readonly tokens_per_second?: number | null;
}

/** All servers as `GET /events` shows them: the status, without what changes with every look at it. */
export interface FleetView extends Omit<Status, "uptime_seconds" | "server_time_unix" | "instances" | "servers"> {
  readonly instances: readonly InstanceView[];
  readonly servers: readonly Omit<ServerStatus, "last_seen_unix">[];
}

/** The data of one event of `GET /events`: everything in a snapshot, else what is different since the event before. */
export interface Change {
  /** In a snapshot: what modeld says of itself and of its reader. */
  readonly modeld?: {
    readonly version: string;
    readonly client: string;
    readonly admin: boolean;
    readonly keys: boolean;
    readonly now_unix_ms: number;
  };
  readonly fleet?: FleetView;
  readonly recent?: RecentFigures;
  /** Those that are new or different. */
  readonly requests?: readonly RequestView[];
  /** The numbers of those that have ended. */
  readonly gone?: readonly number[];
  /** How many there are beside those that are listed. */
  readonly more_requests?: number;
}

/** A request that can be listed: who owns it, and its JSON. */
export interface ListedRequest {
  readonly number: number;
  readonly client: string;
  readonly json: string;
}

/** Everything at one moment, ready to be written. */
export interface View {
  readonly fleet: string;
  readonly requests: readonly ListedRequest[];
  readonly recent: string;
}

/** What the view is made from. */
export interface LiveViewOptions {
  readonly fleet: Pick<Fleet, "status" | "queuePlaces">;
  readonly inferences: Inferences;
  readonly recent: Recent;
  readonly clock: Clock;
}

/** What readers of `GET /events` are shown, made once for all who ask at about the same time. */
export class LiveView {
  readonly #options: LiveViewOptions;
  #made: View | undefined;
  #madeAt = -Infinity;

  constructor(options: LiveViewOptions) {
    this.#options = options;
  }

  /** Everything as it is now, or was a moment ago. */
  now(): View {
    const now = this.#options.clock.now();
    if (this.#made === undefined || now - this.#madeAt >= FRESH_MS) {
      this.#made = this.#make();
      this.#madeAt = now;
    }
    return this.#made;
  }

  #make(): View {
    const { fleet, inferences, recent } = this.#options;
    const running = inferences.running();
    const places = new Map(fleet.queuePlaces().map((place) => [place.timeline, place]));
    return {
      fleet: JSON.stringify(fleetView(fleet.status(), running, recent)),
      requests: running.map((inference) => listed(inference, places.get(inference.timeline))),
      recent: JSON.stringify(recent.figures()),
    };
  }
}

function fleetView(status: Status, running: readonly Inference[], recent: Recent): FleetView {
  const { uptime_seconds: _uptime, server_time_unix: _time, instances, servers, ...rest } = status;
  const at = (model: string, server: string, stage: Stage): number =>
    running.filter(({ timeline }) => timeline.stage === stage && timeline.model === model && timeline.server === server)
      .length;
  return {
    ...rest,
    servers: servers.map(({ last_seen_unix: _seen, ...server }) => server),
    instances: instances.map((instance) => {
      const { model_id, server } = instance;
      const figures = recent.model(server, model_id);
      return {
        ...instance,
        prefill: at(model_id, server, "prefill"),
        streaming: at(model_id, server, "stream"),
        ...figures !== undefined && {
          prompt_tokens: figures.promptTokens,
          cached_tokens: figures.cachedTokens,
          tokens_per_second: figures.tokensPerSecond === undefined ? null : Math.round(figures.tokensPerSecond),
        },
      };
    }),
  };
}

function listed(inference: Inference, place: QueuePlace | undefined): ListedRequest {
  const { id, number, timeline, client: { name: client } } = inference;
  const { model, server, arrivedAt, spans, fragments, prefill } = timeline;
  const view: RequestView = {
    number,
    id,
    client,
    ...model !== undefined && { model },
    ...server !== undefined && { server },
    arrived_unix_ms: Math.round(timeline.arrivedWallTime),
    stages: spans.map(({ stage, startedAt }) => [stage, Math.round(startedAt - arrivedAt)] as const),
    ...prefill !== undefined && { prompt_tokens: prefill.total, prompt_done: prefill.processed },
    ...place !== undefined && { position: place.position },
    ...place?.expectedWaitMs !== undefined && { expected_wait_ms: place.expectedWaitMs },
    tokens: fragments,
  };
  return { number, client, json: JSON.stringify(view) };
}

/** Whose requests a reader sees and may cancel. */
export interface Viewer {
  /** The client's name. */
  readonly client: string;
  /** Whether it may see and cancel other clients' requests. */
  readonly isAdmin: boolean;
  /** Whether modeld has keys. Without them nobody can be told from another: all see everything, and nobody cancels. */
  readonly hasKeys: boolean;
}

/** Whether the viewer is shown the requests of this client. */
export function maySee({ client, isAdmin, hasKeys }: Viewer, owner: string): boolean {
  return !hasKeys || isAdmin || client === owner;
}

/** Whether the viewer may cancel the requests of this client. */
export function mayCancel({ client, isAdmin, hasKeys }: Viewer, owner: string): boolean {
  return hasKeys && (isAdmin || client === owner);
}
