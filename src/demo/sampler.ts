/** How the next token is chosen; the names are llama-server's. */
export interface Sampling {
  /** 0: always the likeliest. */
  readonly temperature: number;
  /** Only so many of the likeliest; 0: all. */
  readonly topK: number;
  /** Only the likeliest that have this probability together. */
  readonly topP: number;
  /** Only those that have this part of the likeliest one's probability. */
  readonly minP: number;
  /** Makes tokens of the last 64 less likely; 1 changes nothing. */
  readonly repeatPenalty: number;
}

/** What llama-server does where a request says nothing. */
export const defaultSampling: Sampling = Object.freeze({
  temperature: 0.8,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
  repeatPenalty: 1,
});

const penaltyWindow = 64;

interface Candidate {
  readonly token: number;
  readonly logit: number;
}

/**
 * Chooses the token that follows, in the order of llama-server's samplers: penalty, top k, top p, min p, temperature.
 *
 * @param logits how likely each token is; may be changed.
 * @param recent the tokens so far.
 * @param random numbers from 0 to 1.
 */
export function chooseToken(
  logits: Float32Array,
  recent: readonly number[],
  sampling: Sampling,
  random: () => number,
): number {
  penalize(logits, recent.slice(-penaltyWindow), sampling.repeatPenalty);
  if (sampling.temperature <= 0) return likeliest(logits);
  const candidates = Array.from(logits, (logit, token): Candidate => ({ token, logit }));
  candidates.sort((a, b) => b.logit - a.logit);
  if (sampling.topK > 0) candidates.length = Math.min(sampling.topK, candidates.length);
  candidates.length = countTopP(candidates, sampling.topP);
  const lowest = (candidates[0]?.logit ?? 0) + Math.log(sampling.minP);
  const kept = candidates.filter(({ logit }, index) => index === 0 || logit >= lowest);
  return draw(kept, sampling.temperature, random());
}

function penalize(logits: Float32Array, recent: readonly number[], penalty: number): void {
  if (penalty === 1) return;
  for (const token of new Set(recent)) {
    const logit = logits[token] ?? 0;
    logits[token] = logit > 0 ? logit / penalty : logit * penalty;
  }
}

/** The one with the highest logit; of several the first. */
function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let token = 1; token < logits.length; token++) {
    if ((logits[token] ?? 0) > (logits[best] ?? 0)) best = token;
  }
  return best;
}

/** How many of the likeliest have that probability together; at least one. */
function countTopP(candidates: readonly Candidate[], topP: number): number {
  if (topP >= 1) return candidates.length;
  const weights = weigh(candidates, 1);
  const wanted = topP * weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  for (const [index, weight] of weights.entries()) {
    sum += weight;
    if (sum >= wanted) return index + 1;
  }
  return candidates.length;
}

function draw(candidates: readonly Candidate[], temperature: number, random: number): number {
  const weights = weigh(candidates, temperature);
  let left = random * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return candidates[index]?.token ?? 0;
  }
  return candidates[candidates.length - 1]?.token ?? 0;
}

/** Probabilities up to a common factor. */
function weigh(candidates: readonly Candidate[], temperature: number): number[] {
  const largest = candidates[0]?.logit ?? 0;
  return candidates.map(({ logit }) => Math.exp((logit - largest) / temperature));
}
