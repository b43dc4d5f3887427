import type { JsonObject } from "../base/json.ts";

/** What is kept of a ratio's past when one more sample comes. */
const KEPT = 0.9;
/** Where nothing was measured yet: English text, and a small model on a GPU. */
const TOKENS_PER_BYTE = 0.25;
const PREFILL_RATE = 1;
const DECODE_RATE = 0.03;
const SERVICE_MS = 5_000;

const TIMINGS = ["cache_n", "prompt_n", "prompt_ms", "predicted_n", "predicted_ms"] as const;

/** A ratio of two amounts that are measured again and again; recent samples and large ones weigh more. */
export class MovingRatio {
  #amount = 0;
  #per = 0;

  /** A sample of nothing (`per` is 0) changes nothing. */
  add(amount: number, per: number): void {
    if (!(per > 0)) return;
    this.#amount = KEPT * this.#amount + amount;
    this.#per = KEPT * this.#per + per;
  }

  /** Undefined before the first sample. */
  get value(): number | undefined {
    return this.#per > 0 ? this.#amount / this.#per : undefined;
  }
}

/** What llama-server says of an answer (`timings`): tokens and ms. */
export interface AnswerTimings {
  /** Prompt tokens that were in the cache. */
  readonly cacheTokens: number;
  /** Prompt tokens that were computed, and how long that took. */
  readonly promptTokens: number;
  readonly promptMs: number;
  readonly predictedTokens: number;
  readonly predictedMs: number;
}

/** What there is to learn from llama-server's `timings`; undefined where it did not send all of that. */
export function answerTimings(timings: JsonObject = {}): AnswerTimings | undefined {
  const [cacheTokens, promptTokens, promptMs, predictedTokens, predictedMs] = TIMINGS.map((name) =>
    Number(timings[name])
  );
  const all = { cacheTokens, promptTokens, promptMs, predictedTokens, predictedMs };
  return Object.values(all).every(Number.isFinite) ? all as AnswerTimings : undefined;
}

/** What is learned of one model, on all servers together. */
export class ModelEstimates {
  readonly #tokensPerByte = new MovingRatio();
  readonly #rates = new Rates();

  /** What is learned of it on one server; until something is, what all servers say. */
  onServer(): ServerEstimates {
    return new ServerEstimates(this, this.#rates);
  }

  /** Notes how many tokens a prompt of so many bytes had. */
  prompt(bytes: number, tokens: number): void {
    this.#tokensPerByte.add(tokens, bytes);
  }

  get tokensPerByte(): number {
    return this.#tokensPerByte.value ?? TOKENS_PER_BYTE;
  }
}

/** What is learned of one model on one server. */
export class ServerEstimates {
  readonly model: ModelEstimates;
  readonly #shared: Rates;
  readonly #own = new Rates();

  constructor(model: ModelEstimates, shared: Rates) {
    this.model = model;
    this.#shared = shared;
  }

  /** Notes how long a request held its slot, in ms. */
  served(ms: number): void {
    for (const { service } of [this.#own, this.#shared]) service.add(ms, 1);
  }

  /** Notes what the answer to a prompt of so many bytes took. */
  answered(bytes: number, timings: AnswerTimings): void {
    this.model.prompt(bytes, timings.cacheTokens + timings.promptTokens);
    for (const { prefill, decode } of [this.#own, this.#shared]) {
      prefill.add(timings.promptTokens, timings.promptMs);
      decode.add(timings.predictedTokens, timings.predictedMs);
    }
  }

  /** How long a request holds a slot, in ms. */
  get serviceMs(): number {
    return this.#own.service.value ?? this.#shared.service.value ?? SERVICE_MS;
  }

  /** Prompt tokens that are computed in a ms. */
  get prefillRate(): number {
    return this.#own.prefill.value ?? this.#shared.prefill.value ?? PREFILL_RATE;
  }

  /** Tokens that one slot generates in a ms. */
  get decodeRate(): number {
    return this.#own.decode.value ?? this.#shared.decode.value ?? DECODE_RATE;
  }

  /**
   * How long a request would wait for a slot here, in ms; 0 where one is free. Requests end at any time, so of `slots`
   * that are busy one is expected to be free after a `slots`-th of a request's time.
   *
   * @param ahead requests that wait for a slot here already
   */
  slotWaitMs(slots: number, free: number, ahead: number): number {
    return Math.max(0, ahead + 1 - free) * this.serviceMs / Math.max(1, slots);
  }
}

class Rates {
  readonly service = new MovingRatio();
  readonly prefill = new MovingRatio();
  readonly decode = new MovingRatio();
}

/**
 * Prompts that one server computes at this moment. It computes one after the other, whatever the number of its slots, so
 * the first token of a new request comes after theirs.
 */
export class PromptBacklog {
  #prompts = 0;
  #doneAt = 0;

  /** A prompt was sent that is expected to take so many ms. */
  begin(ms: number, now: number): void {
    this.#doneAt = Math.max(now, this.#doneAt) + ms;
    this.#prompts++;
  }

  /** One of them has its first token, or has ended without. */
  end(now: number): void {
    this.#prompts = Math.max(0, this.#prompts - 1);
    if (this.#prompts === 0) this.#doneAt = now;
  }

  /** How long they still take, in ms. Those that are late are expected to take as long again as they are late. */
  remainingMs(now: number): number {
    return this.#prompts === 0 ? 0 : Math.abs(this.#doneAt - now);
  }
}
