import type { ServerKind } from "../llama/adapter.ts";

/** What changed. Durations are milliseconds, sizes MB. */
export type LifecycleChange =
  | { readonly event: "load_start"; readonly model: string; readonly est_vram_mb: number }
  | { readonly event: "load_done"; readonly model: string; readonly load_ms: number }
  | { readonly event: "load_failed"; readonly model: string; readonly reason: string; readonly retry_after_ms: number }
  | { readonly event: "unload"; readonly model: string; readonly cause: "idle" | "server" }
  | { readonly event: "evict"; readonly model: string; readonly for_model: string }
  | { readonly event: "server_lost"; readonly reason: string }
  | { readonly event: "server_found"; readonly kind: ServerKind; readonly build?: string };

/** One line of `--events`. An unload is told when the server has confirmed it. */
export type LifecycleEvent = LifecycleChange & {
  /** ISO 8601, UTC. */
  readonly time: string;
};
