import type { ModeldError } from "../base/errors.ts";
import type { ServerDescription, ServerKind } from "../llama/llama_server.ts";
import type { KnownModel } from "./model.ts";

/** What changed on a server. Durations are milliseconds, sizes MB. */
export type LifecycleChange =
  | { readonly event: "load_start"; readonly model: string; readonly est_vram_mb: number }
  | { readonly event: "load_done"; readonly model: string; readonly load_ms: number }
  | { readonly event: "load_failed"; readonly model: string; readonly reason: string; readonly retry_after_ms: number }
  | { readonly event: "unload"; readonly model: string; readonly cause: "idle" | "server" }
  | { readonly event: "evict"; readonly model: string; readonly for_model: string }
  | { readonly event: "server_lost"; readonly reason: string }
  | { readonly event: "server_found"; readonly kind: ServerKind; readonly build?: string };

/** One line of `--events`. An unload is emitted when the server has confirmed it. */
export type LifecycleEvent = LifecycleChange & {
  /** The server's name. */
  readonly server: string;
  /** ISO 8601, UTC. */
  readonly time: string;
};

/** What one poll of a server found. */
export interface Snapshot {
  /** When the question was sent: what was commanded after that is not in the answer. */
  readonly askedAt: number;
  readonly description: ServerDescription;
  /** A router is `ready` as soon as it answers. */
  readonly health: "ready" | "loading";
  /** `undefined` where the server has no list. */
  readonly models: readonly KnownModel[] | undefined;
}

/** What happens on a server. */
export type ServerEvent =
  | { readonly is: "seen"; readonly snapshot: Snapshot }
  /** The server answers nothing but that it is loading. */
  | { readonly is: "warming"; readonly askedAt: number }
  | { readonly is: "lost"; readonly error: ModeldError }
  /** The server accepted a load or unload. */
  | { readonly is: "accepted"; readonly model: string }
  | { readonly is: "refused"; readonly model: string; readonly error: ModeldError }
  | { readonly is: "capacity"; readonly model: string; readonly slots: number | undefined }
  /** How many slots of the model are generating; undefined where the server does not say. */
  | { readonly is: "busy"; readonly model: string; readonly slots: number | undefined };

/** What the state machine wants done on a server, by its id. */
export type ServerCommand =
  /** To be answered with `accepted` or `refused`. */
  | { readonly do: "load" | "unload"; readonly server: string; readonly model: string }
  /** To be answered with `capacity`. */
  | { readonly do: "ask_capacity"; readonly server: string; readonly model: string }
  /** To be answered with `busy`, after a pause. */
  | { readonly do: "ask_busy"; readonly server: string; readonly model: string }
  /** Ask the server at once how it is. */
  | { readonly do: "poll"; readonly server: string }
  /** What the server was is no longer known. */
  | { readonly do: "forget"; readonly server: string }
  | { readonly do: "emit"; readonly server: string; readonly change: LifecycleChange }
  | { readonly do: "warn"; readonly server: string; readonly message: string; readonly model: string };
