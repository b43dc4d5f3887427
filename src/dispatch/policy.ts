/**
 * What a token of a conversation costs beyond its own time, as a multiple of it: computing a history again on another
 * server delays everything else there, and pushes other prompts out of its cache.
 */
const PRICE_OF_MOVING = 20;
/** How much of a request's time a new conversation expects to lose later on a server whose slots are all busy now. */
const CROWDING = 6;
/** Costs that differ by less are the same: so many ms, or this part of the cost. */
const SAME_MS = 10;
const SAME_PART = 0.05;

/** One server on which a request could run, as the policy sees it at this moment. */
export interface Candidate {
  readonly server: string;
  /** Slots of the model there, and how many of them are not leased. */
  readonly slots: number;
  readonly freeSlots: number;
  /** How long until it can begin with one more prompt, in ms: waiting for a slot, and for prompts that it computes. */
  readonly waitMs: number;
  /** Prompt tokens that it computes in a ms. */
  readonly prefillRate: number;
  /** How long a request holds a slot there, in ms. */
  readonly serviceMs: number;
  /** Tokens of the prompt that are expected in its cache. */
  readonly cachedTokens: number;
  /** The same; for a conversation what its last turn left there, whether or not it has been thrown out since. */
  readonly historyTokens: number;
  /** Whether that is a whole earlier prompt, which the request continues, and not a part that several share. */
  readonly continues: boolean;
}

/** One queued request, as the policy sees it. */
export interface Choosing {
  /** Length of its prompt, in tokens. */
  readonly promptTokens: number;
  /**
   * Since when it has kept a slot free by waiting for a warm server; undefined where no slot is free, or others took
   * them all.
   */
  readonly heldSince: number | undefined;
  /** Whether a server has turned it away unbegun. */
  readonly hasTried: boolean;
}

/**
 * Why a server was chosen: it was expected to have the most of the prompt in its cache (`warm`); no server has any of it
 * (`cold`); another one has more, but would have taken longer (`spill`); there was no other (`only`); another one turned
 * the request away unbegun (`failover`).
 */
export type Reason = "warm" | "cold" | "only" | "spill" | "failover";

/** What is to be done with a request now. */
export type Choice<C extends Candidate = Candidate> =
  | { readonly is: "send"; readonly to: C; readonly reason: Reason }
  /** It waits for a server that is busy; chosen again when anything changes, and at `until`. Others may pass it. */
  | { readonly is: "wait"; readonly for: C; readonly until: number }
  /** No slot is free. */
  | { readonly is: "queue" };

/** Decides where a request runs. It sees all that it needs, so that policies can be compared on the same loads. */
export interface Policy<C extends Candidate = Candidate, R extends Choosing = Choosing> {
  /** @param candidates the servers that have the model loaded, in any order, at least one */
  choose(request: R, candidates: readonly C[], now: number): Choice<C>;
}

/** When the first token is expected, in ms from now. */
export function firstTokenMs({ promptTokens }: Choosing, candidate: Candidate): number {
  const { waitMs, prefillRate, cachedTokens } = candidate;
  return waitMs + Math.max(0, promptTokens - cachedTokens) / prefillRate;
}

/**
 * Sends each request where its first token is expected soonest, with an eye on those that come after it.
 *
 * A conversation that continues stays where its history is, unless waiting there is worse than what moving costs
 * everybody. One that begins will stay, too, so it begins where there is room.
 */
export class SoonestFirstToken<C extends Candidate = Candidate> implements Policy<C> {
  readonly #maxAffinityWait: () => number;
  readonly #random: () => number;

  /**
   * @param maxAffinityWait how long a request may keep a slot free while it waits for a warm server, in ms
   * @param random a number from 0 up to 1, as `Math.random` makes it
   */
  constructor(maxAffinityWait: () => number, random: () => number) {
    this.#maxAffinityWait = maxAffinityWait;
    this.#random = random;
  }

  choose(request: Choosing, candidates: readonly C[], now: number): Choice<C> {
    const costs = costsOf(request, candidates);
    const best = this.#cheapest(candidates, costs, ({ freeSlots }) => freeSlots > 0);
    if (best === undefined) return { is: "queue" };
    const until = (request.heldSince ?? now) + this.#maxAffinityWait();
    if (now < until) {
      const limit = costs[candidates.indexOf(best)] ?? 0;
      const awaited = this.#cheapest(
        candidates,
        costs,
        (each, cost) => each.freeSlots === 0 && each.historyTokens > best.historyTokens && cost < limit,
      );
      if (awaited !== undefined) return { is: "wait", for: awaited, until };
    }
    return { is: "send", to: best, reason: reasonFor(request, best, candidates) };
  }

  /** Of those that may be taken the one that costs least; of those that cost the same the one with the most free slots. */
  #cheapest(
    candidates: readonly C[],
    costs: Float64Array,
    may: (each: C, cost: number) => boolean,
  ): C | undefined {
    let least = Infinity;
    let i = 0;
    for (const candidate of candidates) {
      const cost = costs[i++] ?? Infinity;
      if (cost < least && may(candidate, cost)) least = cost;
    }
    const limit = least + Math.max(SAME_MS, SAME_PART * least);
    let best: C | undefined;
    let ties = 0;
    i = 0;
    for (const candidate of candidates) {
      const cost = costs[i++] ?? Infinity;
      if (cost > limit || (best !== undefined && candidate.freeSlots < best.freeSlots) || !may(candidate, cost)) {
        continue;
      }
      ties = candidate.freeSlots === best?.freeSlots ? ties + 1 : 1;
      if (this.#random() * ties < 1) best = candidate;
    }
    return best;
  }
}

/** What it costs to run the request on each of them, in ms. */
function costsOf(request: Choosing, candidates: readonly Candidate[]): Float64Array {
  let history = -1;
  let continues = false;
  let rates = 0;
  for (const each of candidates) {
    rates += each.prefillRate;
    if (each.historyTokens <= history) continue;
    history = each.historyTokens;
    continues = each.continues;
  }
  const perTokenMoved = PRICE_OF_MOVING * candidates.length / rates;
  const costs = new Float64Array(candidates.length);
  let i = 0;
  for (const each of candidates) {
    costs[i++] = firstTokenMs(request, each) +
      (continues
        ? perTokenMoved * Math.max(0, request.promptTokens - each.historyTokens)
        : CROWDING * each.serviceMs * (1 - each.freeSlots / each.slots));
  }
  return costs;
}

function reasonFor({ hasTried }: Choosing, chosen: Candidate, candidates: readonly Candidate[]): Reason {
  if (hasTried) return "failover";
  if (candidates.length === 1) return "only";
  const most = candidates.reduce((most, { cachedTokens }) => Math.max(most, cachedTokens), 0);
  if (most === 0) return "cold";
  return chosen.cachedTokens < most ? "spill" : "warm";
}
