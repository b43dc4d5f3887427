import type { Instance } from "./instance.ts";
import type { Server } from "./server.ts";

/** What to do on a server so that a model can be loaded there. */
export type Plan =
  | { readonly kind: "load" }
  | { readonly kind: "evict"; readonly victims: readonly Instance[] }
  /** Memory is already being freed, or a model has yet to serve the request that it was loaded for. */
  | { readonly kind: "wait" }
  /** Only models with requests in flight or queued are in the way: these would have to go. */
  | { readonly kind: "switch"; readonly victims: readonly Instance[]; readonly reason: string }
  | { readonly kind: "refuse"; readonly reason: string };

/** Memory that the given instances hold, in MB. */
export function usedMb(instances: Iterable<Instance>): number {
  let sum = 0;
  for (const instance of instances) if (instance.holdsMemory) sum += instance.estimate.mb;
  return sum;
}

/**
 * Plans room for a model on its server. What is being unloaded counts first, then idle models are evicted, least recently
 * used first, then those are waited for that are loading or have yet to serve; models with requests come last.
 */
export function planRoom(candidate: Instance): Plan {
  const { server } = candidate;
  const { vramBudgetMb, vramMarginMb } = server.terms();
  const needed = candidate.estimate.mb + vramMarginMb;
  if (vramBudgetMb > 0 && needed > vramBudgetMb) {
    return {
      kind: "refuse",
      reason: `it needs an estimated ${candidate.estimate.mb} MB and ${vramMarginMb} MB are kept free, ` +
        `but the budget is ${vramBudgetMb} MB; raise --vram-budget-mb`,
    };
  }
  // What the server does with a model that it was just commanded about is not known before its next snapshot.
  const others = [...server.instances.values()]
    .filter((other) => other !== candidate && (other.holdsMemory || !other.isKnown));
  const shortage = new Shortage(server, others, needed);
  if (shortage.isCovered) return { kind: "load" };

  for (const leaving of others) if (leaving.state === "draining") shortage.cover(leaving);
  if (shortage.isCovered) return { kind: "wait" };

  const idle = others.filter((other) => other.state === "ready" && !other.busy && mayGoFor(other, candidate));
  const victims = shortage.take(idle);
  if (shortage.isCovered) return { kind: "evict", victims };

  for (const other of others) if (isTransient(other)) shortage.cover(other);
  if (shortage.isCovered) return { kind: "wait" };

  const inUse = others.filter((other) => other.state === "ready" && !isTransient(other) && !idle.includes(other));
  const displaced = shortage.take(inUse);
  const { reason } = shortage;
  return shortage.isCovered
    ? { kind: "switch", victims: [...victims, ...displaced], reason }
    : { kind: "refuse", reason };
}

/** A model that was drained for another one is kept for that one. */
function mayGoFor(victim: Instance, candidate: Instance): boolean {
  return victim.yieldsTo === undefined || victim.yieldsTo === candidate.id;
}

/** It is loading, or has yet to serve, or the server has yet to report what became of it: memory may be freed soon. */
function isTransient(instance: Instance): boolean {
  return instance.state === "loading" || instance.held || !instance.isKnown ||
    (instance.state === "ready" && instance.busy && !instance.served);
}

/** How much must go before a model fits. */
class Shortage {
  #mb: number;
  #models: number;
  readonly reason: string;

  constructor({ terms, view }: Server, others: readonly Instance[], needed: number) {
    const { vramBudgetMb } = terms();
    /** Models that the router keeps loaded at most, before it evicts on its own. */
    const models = view.is === "found" ? view.description.maxInstances ?? 0 : 0;
    const used = others.reduce((sum, other) => sum + other.estimate.mb, 0);
    this.#mb = vramBudgetMb > 0 ? used + needed - vramBudgetMb : 0;
    this.#models = models > 0 ? others.length + 1 - models : 0;
    this.reason = this.#mb > 0
      ? `${used} of ${vramBudgetMb} MB are used by models with requests in flight or queued`
      : `all ${models} models that llama-server keeps loaded have requests in flight or queued`;
  }

  get isCovered(): boolean {
    return this.#mb <= 0 && this.#models <= 0;
  }

  cover(instance: Instance): void {
    this.#mb -= instance.estimate.mb;
    this.#models--;
  }

  /** Covers it with as many of these as it takes, least recently used first; answers which. */
  take(instances: Instance[]): readonly Instance[] {
    const taken: Instance[] = [];
    for (const instance of instances.sort((a, b) => a.idleSince - b.idleSince)) {
      if (this.isCovered) break;
      this.cover(instance);
      taken.push(instance);
    }
    return taken;
  }
}
