import type { Candidate, Choice, Choosing, Policy } from "../../src/dispatch/policy.ts";

/** What the rivals see besides: which conversation a request belongs to, and how much a server has to do. */
export interface SimulatedRequest extends Choosing {
  readonly conversation: number;
}

export interface SimulatedCandidate extends Candidate {
  /** Requests that run on it or wait for it. */
  readonly load: number;
  /** The part of the prompt that was sent there before. */
  readonly matched: number;
}

export type SimulatedPolicy = Policy<SimulatedCandidate, SimulatedRequest>;
type SimulatedChoice = Choice<SimulatedCandidate>;

/** Each in turn, among those with a free slot. */
export class RoundRobin implements SimulatedPolicy {
  #last = "";

  choose(_: SimulatedRequest, candidates: readonly SimulatedCandidate[]): SimulatedChoice {
    const after = candidates.findIndex(({ server }) => server === this.#last) + 1;
    const inTurn = [...candidates.slice(after), ...candidates.slice(0, after)];
    const next = inTurn.find(({ freeSlots }) => freeSlots > 0);
    if (next === undefined) return { is: "queue" };
    this.#last = next.server;
    return send(next);
  }
}

/** The one with the fewest requests for its slots. */
export class LeastBusy implements SimulatedPolicy {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  choose(_: SimulatedRequest, candidates: readonly SimulatedCandidate[]): SimulatedChoice {
    const least = leastLoaded(candidates, this.#random);
    return least.freeSlots > 0 ? send(least) : { is: "queue" };
  }
}

/** Each conversation stays where it began, on the server that was least busy then, and waits there. */
export class FixedBySession implements SimulatedPolicy {
  readonly #servers = new Map<number, string>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  choose({ conversation }: SimulatedRequest, candidates: readonly SimulatedCandidate[]): SimulatedChoice {
    const known = this.#servers.get(conversation);
    const fixed = candidates.find(({ server }) => server === known) ?? leastLoaded(candidates, this.#random);
    this.#servers.set(conversation, fixed.server);
    return sendOrWait(fixed);
  }
}

/**
 * As sglang's router does with its defaults: where the loads are far apart the least loaded server; else the one that
 * was sent most of the prompt, if that is more than a part of it; else the least loaded.
 */
export class PrefixThreshold implements SimulatedPolicy {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  choose(_: SimulatedRequest, candidates: readonly SimulatedCandidate[]): SimulatedChoice {
    const loads = candidates.map(({ load }) => load);
    const [least, most] = [Math.min(...loads), Math.max(...loads)];
    const isUneven = most - least > 64 && most > 1.5 * least;
    const warmest = candidates.reduce((best, each) => each.matched > best.matched ? each : best);
    return sendOrWait(!isUneven && warmest.matched > 0.3 ? warmest : leastLoaded(candidates, this.#random));
  }
}

function leastLoaded(candidates: readonly SimulatedCandidate[], random: () => number): SimulatedCandidate {
  const busy = ({ load, slots }: SimulatedCandidate) => load / slots;
  const least = Math.min(...candidates.map(busy));
  const equal = candidates.filter((each) => busy(each) === least);
  const chosen = equal[Math.floor(random() * equal.length)];
  if (chosen === undefined) throw new RangeError("no candidates");
  return chosen;
}

function sendOrWait(candidate: SimulatedCandidate): SimulatedChoice {
  return candidate.freeSlots > 0 ? send(candidate) : { is: "wait", for: candidate, until: Infinity };
}

function send(to: SimulatedCandidate): SimulatedChoice {
  return { is: "send", to, reason: to.cachedTokens > 0 ? "warm" : "cold" };
}
