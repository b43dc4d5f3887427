import type { JsonObject } from "../base/json.ts";
import type { InferenceObserver } from "./inference_observer.ts";
import { Counter, type Registry } from "./prometheus.ts";

/** Prompt tokens of an answer, as llama-server's `timings` count them. */
export interface PromptTokens {
  /** Those that were in the server's cache, and those that it computed. */
  readonly cached: number;
  readonly computed: number;
}

/** Undefined where llama-server did not say. */
export function promptTokens(timings: JsonObject | undefined): PromptTokens | undefined {
  const { cache_n, prompt_n } = timings ?? {};
  if (typeof prompt_n !== "number") return undefined;
  return { cached: count(cache_n), computed: count(prompt_n) };
}

/** A count or a rate that llama-server sent; 0 where it cannot be one. */
export function count(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : 0;
}

/** Metrics of where inferences were sent, and of what their prompts found in the caches there. */
export interface DispatchMetrics extends Pick<InferenceObserver, "ended"> {
  /** Deletes the series of all other servers: they have been removed. */
  keep(servers: readonly string[]): void;
}

/** Makes them; they are written at an inference's end. */
export function dispatchMetrics(registry: Registry): DispatchMetrics {
  const registers = [registry];
  const dispatched = new Counter({
    name: "modeld_dispatch_total",
    help: "Inferences that were sent to this llama-server, by why; docs/operations.md explains the reasons.",
    labelNames: ["server", "reason"],
    registers,
  });
  const prompts = new Counter({
    name: "modeld_prompt_tokens_total",
    help: "Prompt tokens of inferences that ended well, from llama-server's cache or computed by it.",
    labelNames: ["model", "source"],
    registers,
  });
  const expected = new Counter({
    name: "modeld_affinity_expected_tokens_total",
    help:
      'Prompt tokens that were expected in the cache; source="cache" of modeld_prompt_tokens_total is what came true.',
    labelNames: ["model"],
    registers,
  });
  const reasons = new Map<string, Set<string>>();
  return {
    ended({ server, model, placement }, { timings }) {
      if (server === undefined || placement === undefined) return;
      dispatched.inc({ server, reason: placement.reason });
      const known = reasons.get(server);
      if (known === undefined) reasons.set(server, new Set([placement.reason]));
      else known.add(placement.reason);
      const prompt = promptTokens(timings);
      if (prompt === undefined || model === undefined) return;
      prompts.inc({ model, source: "cache" }, prompt.cached);
      prompts.inc({ model, source: "computed" }, prompt.computed);
      expected.inc({ model }, Math.round(placement.expectedTokens));
    },
    keep(servers) {
      for (const [server, known] of reasons) {
        if (servers.includes(server)) continue;
        for (const reason of known) dispatched.remove({ server, reason });
        reasons.delete(server);
      }
    },
  };
}
