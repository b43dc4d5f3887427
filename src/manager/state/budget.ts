import type { Instance } from "./instance.ts";

/** What loaded models may take together; 0 is unlimited. */
export interface Budget {
  readonly mb: number;
  readonly marginMb: number;
  /** Models that the router keeps loaded at most, before it evicts on its own. */
  readonly models: number;
}

/** What to do so that a model can be loaded. */
export type Plan =
  | { readonly kind: "load" }
  | { readonly kind: "evict"; readonly victims: readonly Instance[] }
  /** Room will come of itself. */
  | { readonly kind: "wait" }
  | { readonly kind: "refuse"; readonly reason: string };

/** Memory that the given instances hold, in MB. */
export function usedMb(instances: Iterable<Instance>): number {
  let sum = 0;
  for (const instance of instances) if (instance.holdsMemory) sum += instance.estimate.mb;
  return sum;
}

/**
 * Plans room for a model: what is on its way out counts first, then idle models are taken, least recently used first, then
 * those are waited for that are loading or have yet to serve whom they were loaded for. A busy model is never taken.
 */
export function planRoom(candidate: Instance, instances: Iterable<Instance>, budget: Budget): Plan {
  const needed = candidate.estimate.mb + budget.marginMb;
  if (budget.mb > 0 && needed > budget.mb) {
    return {
      kind: "refuse",
      reason: `it needs an estimated ${candidate.estimate.mb} MB and ${budget.marginMb} MB are kept free, ` +
        `but the budget is ${budget.mb} MB; raise --vram-budget-mb`,
    };
  }
  // What the server does with a model that it has just been told about is not known until it says so.
  const others = [...instances].filter((other) => other !== candidate && (other.holdsMemory || !other.isKnown));
  const shortage = new Shortage(others, needed, budget);
  if (shortage.isCovered) return { kind: "load" };

  for (const leaving of others) if (leaving.state === "draining") shortage.cover(leaving);
  if (shortage.isCovered) return { kind: "wait" };

  const idle = others.filter((other) => other.state === "ready" && !other.busy);
  const victims: Instance[] = [];
  for (const victim of idle.sort((a, b) => a.idleSince - b.idleSince)) {
    shortage.cover(victim);
    victims.push(victim);
    if (shortage.isCovered) return { kind: "evict", victims };
  }
  for (const other of others) if (isTransient(other)) shortage.cover(other);
  return shortage.isCovered ? { kind: "wait" } : { kind: "refuse", reason: shortage.reason };
}

/** Whether it is loading, or has yet to serve, or the server has yet to say what became of it: then room may come of it. */
function isTransient(instance: Instance): boolean {
  return instance.state === "loading" || instance.held || !instance.isKnown ||
    (instance.state === "ready" && instance.busy && !instance.served);
}

/** How much must go before a model fits. */
class Shortage {
  #mb: number;
  #models: number;
  readonly reason: string;

  constructor(others: readonly Instance[], needed: number, budget: Budget) {
    const used = others.reduce((sum, other) => sum + other.estimate.mb, 0);
    this.#mb = budget.mb > 0 ? used + needed - budget.mb : 0;
    this.#models = budget.models > 0 ? others.length + 1 - budget.models : 0;
    this.reason = this.#mb > 0
      ? `${used} of ${budget.mb} MB are used by models with requests in flight or queued; try again later`
      : `all ${budget.models} models that llama-server keeps loaded have requests in flight or queued; try again later`;
  }

  get isCovered(): boolean {
    return this.#mb <= 0 && this.#models <= 0;
  }

  cover(instance: Instance): void {
    this.#mb -= instance.estimate.mb;
    this.#models--;
  }
}
