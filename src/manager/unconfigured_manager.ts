import type { Clock } from "../base/clock.ts";
import { ModeldError, shuttingDown } from "../base/errors.ts";
import type { Generation } from "../llama/adapter.ts";
import type { Manager, ModelInfo, Readiness } from "./manager.ts";
import type { Status } from "./status.ts";

const REASON = "llama adapter not initialized: set --llama-url or LLAMA_URL";

/** The manager where no llama-server is configured: it answers everything and serves nothing. */
export class UnconfiguredManager implements Manager {
  readonly #options: { readonly clock: Clock; readonly vramBudgetMb: number; readonly vramMarginMb: number };
  readonly #startedAt: number;
  #draining = false;

  constructor(options: { readonly clock: Clock; readonly vramBudgetMb: number; readonly vramMarginMb: number }) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  infer(): Promise<Generation> {
    return Promise.reject(this.#draining ? shuttingDown() : new ModeldError("not_configured", REASON));
  }

  models(): readonly ModelInfo[] {
    return [];
  }

  status(): Status {
    const { clock, vramBudgetMb, vramMarginMb } = this.#options;
    return {
      instances: [],
      budget_mb: vramBudgetMb,
      used_est_mb: 0,
      margin_mb: vramMarginMb,
      state: this.#draining ? "draining" : "error",
      uptime_seconds: Math.floor((clock.now() - this.#startedAt) / 1_000),
      server_time_unix: Math.floor(clock.wallTime() / 1_000),
      evictions_total: 0,
      loads_total: 0,
      warmups_in_progress: 0,
      draining_count: 0,
      error: REASON,
    };
  }

  readiness(): Readiness {
    return this.#draining ? "draining" : "not configured";
  }

  start(): void {}

  open(): void {}

  drain(): void {
    this.#draining = true;
  }

  close(): Promise<void> {
    this.#draining = true;
    return Promise.resolve();
  }
}
