import type { ServerKind } from "../llama/adapter.ts";

/** The states of an instance, in the words of the public contract. */
export type InstanceState = "unloaded" | "loading" | "ready" | "draining" | "error";

/** One instance in `GET /status`. Times are Unix seconds, sizes MB (2^20 bytes). */
export interface InstanceStatus {
  readonly model_id: string;
  readonly state: InstanceState;
  readonly last_used_unix: number;
  readonly est_vram_mb: number;
  /** Where the estimate comes from. */
  readonly est_source: "file" | "server" | "unknown";
  /** Requests waiting for which there is no free slot. */
  readonly queue_len: number;
  /** Requests with a slot: those that llama-server works on, and those for which the model is being made ready. */
  readonly inflight: number;
  readonly max_queue_depth: number;
  /** Requests in flight at most. */
  readonly slots: number;
  /** Median time from arrival to a slot, of the last 64 requests that got one. */
  readonly queue_wait_ms_p50: number;
  readonly loaded_since_unix?: number;
  /** Why the state is `error`. */
  readonly reason?: string;
}

/** llama-server as modeld sees it. */
export interface ServerStatus {
  /** Without secrets. */
  readonly url: string;
  readonly kind?: ServerKind;
  readonly build?: string;
  readonly reachable: boolean;
  readonly last_seen_unix?: number;
}

/** The answer of `GET /status`, field by field as the public contract has it. */
export interface Status {
  readonly instances: readonly InstanceStatus[];
  readonly budget_mb: number;
  readonly used_est_mb: number;
  readonly margin_mb: number;
  /** What `/readyz` says, in the words for an instance: `error` when llama-server is unreachable or not configured. */
  readonly state: InstanceState;
  readonly uptime_seconds: number;
  readonly server_time_unix: number;
  readonly evictions_total: number;
  readonly loads_total: number;
  readonly warmups_in_progress: number;
  readonly draining_count: number;
  readonly error?: string;
  readonly last_error?: string;
  readonly server?: ServerStatus;
}
