import { CANNED_TOKENS, cannedGeneration } from "./canned_generation.ts";
import type { Exchange } from "./raw_http_server.ts";
import { chunk, LAST_CHUNK, replyJson, STREAM_HEAD } from "./replies.ts";

/** What the fake generates, and how fast. */
export interface EngineOptions {
  /** Generations at once; more wait for a slot, without headers. Default 4. */
  readonly slots?: number;
  /** What it generates. */
  readonly tokens?: readonly string[];
  /** Milliseconds before each event. Default 0. */
  readonly tokenDelay?: number;
}

/** Generates canned text in slots, as llama-server does. */
export class FakeEngine {
  readonly slots: number;
  readonly #tokens: readonly string[];
  readonly #tokenDelay: number;
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor({ slots = 4, tokens = CANNED_TOKENS, tokenDelay = 0 }: EngineOptions) {
    this.slots = slots;
    this.#tokens = tokens;
    this.#tokenDelay = tokenDelay;
  }

  /** Slots that are generating now. */
  get busy(): number {
    return this.#busy;
  }

  /** Answers a generation, once a slot is free. */
  async generate(exchange: Exchange, body: Record<string, unknown>): Promise<void> {
    if (this.#busy >= this.slots) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#busy++;
    try {
      await this.#answer(exchange, body);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy--;
      else next();
    }
  }

  async #answer(exchange: Exchange, body: Record<string, unknown>): Promise<void> {
    const { events, whole } = cannedGeneration(exchange.request.path, body, this.#tokens);
    if (body["stream"] !== true) return await replyJson(exchange, 200, whole);
    await exchange.send(STREAM_HEAD);
    for (const event of events) {
      if (await this.#leftDuringPause(exchange)) return;
      await exchange.send(chunk(event));
    }
    await exchange.send(LAST_CHUNK);
    await exchange.close();
  }

  async #leftDuringPause(exchange: Exchange): Promise<boolean> {
    if (this.#tokenDelay === 0) return false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const passed = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), this.#tokenDelay));
    const left = await Promise.race([passed, exchange.gone.then(() => true)]);
    clearTimeout(timer);
    return left;
  }
}
