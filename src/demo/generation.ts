import { GgufFile } from "./gguf_file.ts";
import { chooseToken, type Sampling } from "./sampler.ts";
import { StopWatch } from "./stop_watch.ts";
import { Tokenizer } from "./tokenizer.ts";
import { Transformer } from "./transformer.ts";

/** What is to be generated. */
export interface GenerationRequest extends Sampling {
  /** Fewer than the context's tokens, and at least one. */
  readonly prompt: readonly number[];
  /** Tokens at most; -1: until the model ends or its context is full. */
  readonly maxTokens: number;
  /** Texts that end the generation; they are no part of it. */
  readonly stop: readonly string[];
  /** Numbers from 0 to 1. */
  readonly random: () => number;
}

/** A part of what is generated; the text is empty where there is nothing to show yet. */
export interface GenerationPart {
  readonly text: string;
  readonly tokens: readonly number[];
}

/** How a generation ended. */
export interface GenerationEnd {
  /** By the model, by a stop text, or by the number of tokens. */
  readonly stopType: "eos" | "word" | "limit";
  readonly stoppingWord: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Tokens of the prompt that were there from the request before. */
  readonly cachedTokens: number;
  readonly promptMs: number;
  readonly predictedMs: number;
}

/** Tokens of a prompt that are read in one step, so that others get their turn in between. */
const promptStep = 16;

/** A model that generates text, one request at a time. */
export class Engine {
  readonly tokenizer: Tokenizer;
  readonly #transformer: Transformer;
  /** The tokens whose keys and values are kept. */
  #kept: number[] = [];

  /** @throws Error where the file is no `llama` model with F32 or F16 weights and a SentencePiece vocabulary. */
  constructor(file: GgufFile) {
    const kind = file.text("tokenizer.ggml.model");
    if (kind !== "llama") throw new Error(`the model's vocabulary is of the kind ${kind}; only llama is read`);
    this.tokenizer = new Tokenizer({
      pieces: file.texts("tokenizer.ggml.tokens"),
      scores: file.numbers("tokenizer.ggml.scores"),
      kinds: file.numbers("tokenizer.ggml.token_type"),
      bos: file.number("tokenizer.ggml.bos_token_id"),
      eos: file.number("tokenizer.ggml.eos_token_id"),
    });
    this.#transformer = new Transformer(file);
  }

  /** How many tokens a prompt and its answer can have together. */
  get contextLength(): number {
    return this.#transformer.contextLength;
  }

  /** Generates step by step; whoever no longer wants it stops asking. No other generation may run beside it. */
  *generate(request: GenerationRequest): Generator<GenerationPart, GenerationEnd> {
    const { prompt, stop } = request;
    const begin = performance.now();
    const cachedTokens = this.#keepPrefix(prompt);
    for (let i = cachedTokens; i < prompt.length - 1; i++) {
      this.#transformer.read(this.#keep(prompt[i] ?? 0), i);
      if (i % promptStep === 0) yield { text: "", tokens: [] };
    }
    let logits = this.#predict(prompt[prompt.length - 1] ?? 0);
    const promptEnd = performance.now();

    const watch = new StopWatch(stop);
    const decoder = new TextDecoder();
    let completionTokens = 0;
    const end = (stopType: GenerationEnd["stopType"]): GenerationEnd => ({
      stopType,
      stoppingWord: watch.found ?? "",
      promptTokens: prompt.length,
      completionTokens,
      cachedTokens,
      promptMs: promptEnd - begin,
      predictedMs: performance.now() - promptEnd,
    });
    while (true) {
      const token = chooseToken(logits, this.#kept, request, request.random);
      completionTokens++;
      if (token === this.tokenizer.eos) {
        yield { text: watch.end(decoder.decode()), tokens: [] };
        return end("eos");
      }
      yield { text: watch.add(decoder.decode(this.tokenizer.bytes(token), { stream: true })), tokens: [token] };
      if (watch.found !== undefined) return end("word");
      if (
        completionTokens >= request.maxTokens && request.maxTokens !== -1 || this.#kept.length + 1 >= this.contextLength
      ) {
        yield { text: watch.end(decoder.decode()), tokens: [] };
        return end("limit");
      }
      logits = this.#predict(token);
    }
  }

  /** Keeps what the prompt has in common with what is kept, and forgets the rest. The last token is always read anew. */
  #keepPrefix(prompt: readonly number[]): number {
    let common = 0;
    while (common < prompt.length - 1 && prompt[common] === this.#kept[common]) common++;
    this.#kept.length = Math.min(common, this.#kept.length);
    return common;
  }

  #keep(token: number): number {
    this.#kept.push(token);
    return token;
  }

  #predict(token: number): Float32Array {
    const position = this.#kept.length;
    return this.#transformer.predict(this.#keep(token), position);
  }
}

/** Reads a GGUF file's bytes. */
export function loadEngine(bytes: Uint8Array<ArrayBuffer>): Engine {
  return new Engine(new GgufFile(bytes));
}
