import type { Clock } from "../base/clock.ts";
import type { InferenceAdapter } from "../llama/adapter.ts";
import type { LifecycleEvent } from "./lifecycle_events.ts";
import type { Limits } from "./state/manager_state.ts";

/** What a manager is made of. */
export interface ManagerOptions extends Limits {
  /** The way to llama-server; absent: not configured, every inference is refused. */
  readonly adapter?: InferenceAdapter;
  /** Where llama-server is, without secrets, for `/status`. */
  readonly serverUrl?: string;
  /** Where model files may lie, to read their size, quantization and family. */
  readonly modelsDir?: string;
  readonly clock: Clock;
  /** Numbers from 0 up to 1, for jitter. */
  readonly random: () => number;
  /** Told of each lifecycle event as it happens. */
  readonly onEvent?: (event: LifecycleEvent) => void;
}
