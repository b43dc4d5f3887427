/** What a client may use in a minute; 0 is no limit. */
export interface RateLimits {
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
}

/** Whether a request may come in. */
export type Admission =
  /** It was counted; `estimate` is what its tokens were taken for. */
  | { readonly admitted: true; readonly estimate: number }
  /** It was not counted. `limit` is how many a minute there may be of what ran out. */
  | {
    readonly admitted: false;
    readonly exceeded: "requests" | "tokens";
    readonly limit: number;
    readonly retryAfterSeconds: number;
  };

/** Of an answer whose length is not known no more than this is charged beforehand, in tokens. */
const longestAssumedAnswer = 256;
const minute = 60_000;

/** Answers that a request is charged for beforehand; llama-server refuses as many as that. */
const mostAssumedAnswers = 1_000;

/**
 * What a request is charged before its usage is known, in tokens. `maxTokens` is for each of its answers; below 0 it is
 * llama-server's "no limit".
 */
export function estimateTokens(promptTokens: number, maxTokens: number | undefined, answers = 1): number {
  const answer = maxTokens === undefined || maxTokens < 0 ? longestAssumedAnswer : maxTokens;
  return promptTokens + Math.min(answer, longestAssumedAnswer) * Math.min(answers, mostAssumedAnswers);
}

/** Tokens of that many bytes of text: four bytes each, about what tokenizers make of English. */
export function tokensOfBytes(bytes: number): number {
  return Math.ceil(bytes / 4);
}

/**
 * The requests and tokens a minute of one client: two token buckets that hold a minute's worth. Times are `now` of a
 * clock that never goes back, in ms. `limits` is asked each time, so that a reload holds at once.
 */
export class RateLimit {
  readonly #limits: () => RateLimits;
  readonly #requests: Bucket;
  readonly #tokens: Bucket;

  constructor(limits: () => RateLimits, now: number) {
    const { requestsPerMinute, tokensPerMinute } = limits();
    this.#limits = limits;
    this.#requests = new Bucket(requestsPerMinute, now);
    this.#tokens = new Bucket(tokensPerMinute, now);
  }

  /**
   * Counts a request, or says when to come back. One that asks for more tokens than a minute has goes when a whole minute
   * is there; the next ones wait for the rest.
   */
  admit(estimate: number, now: number): Admission {
    const [requests, tokens] = this.#filled(now);
    const waits = [requests.timeUntil(1), tokens.timeUntil(estimate)] as const;
    if (waits[0] > 0 || waits[1] > 0) {
      const [exceeded, bucket] = waits[0] >= waits[1] ? ["requests" as const, requests] : ["tokens" as const, tokens];
      const retryAfterSeconds = Math.max(1, Math.ceil(Math.max(...waits) / 1_000));
      return { admitted: false, exceeded, limit: bucket.capacity, retryAfterSeconds };
    }
    requests.take(1);
    tokens.take(estimate);
    return { admitted: true, estimate };
  }

  /** Puts what a request has really used in the place of its estimate; 0 where it never reached llama-server. */
  correct(estimate: number, used: number, now: number): void {
    const [, tokens] = this.#filled(now);
    tokens.take(used - estimate);
  }

  /**
   * The headers that OpenAI's clients read, with names and values as OpenAI has them: whole numbers, and the time until
   * the whole minute's worth is there again as Go writes durations (`12ms`, `1.5s`, `6m0s`).
   * https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
   */
  headers(now: number): [name: string, value: string][] {
    const [requests, tokens] = this.#filled(now);
    return [["requests", requests] as const, ["tokens", tokens] as const].flatMap(([what, bucket]) =>
      bucket.capacity === 0 ? [] : [
        [`x-ratelimit-limit-${what}`, String(bucket.capacity)],
        [`x-ratelimit-remaining-${what}`, String(bucket.remaining)],
        [`x-ratelimit-reset-${what}`, goDuration(bucket.timeUntil(bucket.capacity))],
      ]
    );
  }

  #filled(now: number): readonly [requests: Bucket, tokens: Bucket] {
    const { requestsPerMinute, tokensPerMinute } = this.#limits();
    this.#requests.fill(requestsPerMinute, now);
    this.#tokens.fill(tokensPerMinute, now);
    return [this.#requests, this.#tokens];
  }
}

/** Fills with its capacity in a minute; what was charged too late leaves it below 0. A capacity of 0 is no limit. */
class Bucket {
  capacity: number;
  #level: number;
  #filledAt: number;

  constructor(capacity: number, now: number) {
    this.capacity = capacity;
    this.#level = capacity;
    this.#filledAt = now;
  }

  /** With another capacity, what was used before stays used. A new limit begins with a whole minute. */
  fill(capacity: number, now: number): void {
    const came = (now - this.#filledAt) * this.capacity / minute;
    const grown = this.#level + came + capacity - this.capacity;
    this.#level = this.capacity === 0 ? capacity : Math.min(capacity, grown);
    this.capacity = capacity;
    this.#filledAt = now;
  }

  get remaining(): number {
    return Math.max(0, Math.floor(this.#level + rounding));
  }

  take(amount: number): void {
    if (this.capacity > 0) this.#level = Math.min(this.capacity, this.#level - amount);
  }

  /** Ms until so much is there, or all that it can hold. */
  timeUntil(amount: number): number {
    if (this.capacity === 0) return 0;
    const missing = Math.min(amount, this.capacity) - this.#level;
    return missing <= rounding ? 0 : missing * minute / this.capacity;
  }
}

/** Sums of fractions come this near to the whole number that they stand for. */
const rounding = 1e-6;

/** Rounded up to whole milliseconds. */
function goDuration(ms: number): string {
  const whole = Math.ceil(ms - rounding);
  if (whole > 0 && whole < 1_000) return `${whole}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / minute) % 60;
  const seconds = `${(whole % minute) / 1_000}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
