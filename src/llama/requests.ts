import { AbortScope } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { Deadlines } from "../base/deadlines.ts";
import { ModeldError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { ByteStream } from "./connection/byte_stream.ts";
import { SharedDeadline } from "./connection/deadlines.ts";
import { type Call, type HttpClient, jsonBody } from "./connection/http_client.ts";
import type { Exchange } from "./exchange.ts";
import { isMissing } from "./failures.ts";
import type { ForwardRequest, GenerateRequest } from "./llama_server.ts";
import { EventDecoder } from "./stream/event_decoder.ts";
import { HttpExchange, TERMINAL_EVENT_DELAY } from "./stream/http_exchange.ts";
import { SilenceWatch } from "./stream/silence_watch.ts";
import { WholeDecoder } from "./stream/whole_decoder.ts";

/** The shapes in which llama-server takes a request for text. */
export type RequestShape = "completions" | "chat" | "native";

/** The paths at which a shape is served, the preferred one first. */
const PATHS: Readonly<Record<RequestShape, readonly [string, ...string[]]>> = {
  completions: ["/v1/completions"],
  chat: ["/v1/chat/completions"],
  native: ["/completion", "/completion-stream"],
};

/** A POST that starts an exchange, and how its answer is read. */
interface Opening {
  readonly call: Call;
  /** Other paths, tried where an answer says that the one before does not exist. */
  readonly otherPaths: readonly string[];
  /** From the POST to the end of the answer, in ms; 0 is none. */
  readonly timeout: number;
  readonly deadline: SharedDeadline;
  /** The flag that sets the deadline, for messages. */
  readonly flag: string;
  readonly choices: number;
  readonly isStream: (contentType: string) => boolean;
}

/** What bounds an exchange, as it is when the request is sent. Durations in ms, 0 = none. */
export interface ExchangeTerms {
  /** From the POST of a generation to the end of its answer. */
  readonly timeout: number;
  /** Longest silence before the first token. */
  readonly firstTokenTimeout: number;
  /** Longest silence between tokens. */
  readonly idleTimeout: number;
}

/** Opens exchanges with one llama-server. */
export class Requests {
  readonly #client: HttpClient;
  readonly #clock: Clock;
  readonly #terms: () => ExchangeTerms;
  readonly #generateDeadline: SharedDeadline;
  readonly #forwardDeadline: SharedDeadline;
  readonly #terminalDeadlines: Deadlines;

  /** @param terms the present ones */
  constructor(client: HttpClient, terms: () => ExchangeTerms, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
    this.#terms = terms;
    this.#generateDeadline = new SharedDeadline(clock);
    this.#forwardDeadline = new SharedDeadline(clock);
    this.#terminalDeadlines = new Deadlines(TERMINAL_EVENT_DELAY, clock);
  }

  /** See `LlamaServer.generate`. */
  generate(request: GenerateRequest, shape: RequestShape, signal: AbortSignal): Promise<Exchange> {
    const [path, ...otherPaths] = PATHS[shape];
    const body = jsonBody(generationBody(request, shape));
    return this.#open({
      call: { operation: "generate", method: "POST", path, body, headers: request.headers ?? {} },
      otherPaths,
      timeout: this.#terms().timeout,
      deadline: this.#generateDeadline,
      flag: "--llama-timeout",
      choices: 1,
      isStream: () => true, // a whole answer in place of a stream is one event
    }, signal);
  }

  /** See `LlamaServer.forward`. */
  forward({ path, body, headers, stream, choices, timeout }: ForwardRequest, signal: AbortSignal): Promise<Exchange> {
    return this.#open({
      call: { operation: "generate", method: "POST", path, body, headers },
      otherPaths: [],
      timeout,
      deadline: this.#forwardDeadline,
      flag: "--v1-timeout",
      choices,
      isStream: (contentType) => isEventType(contentType) || (stream && !isJsonType(contentType)),
    }, signal);
  }

  /** Releases its timer. */
  close(): void {
    this.#terminalDeadlines.close();
  }

  /**
   * Sends the request and resolves when llama-server has accepted it. Exactly one POST can have begun a generation: another
   * path is tried only after an answer which says that the path does not exist.
   */
  async #open(opening: Opening, signal: AbortSignal): Promise<Exchange> {
    const { deadline, timeout, choices } = opening;
    const { failures, heard } = this.#client;
    const { firstTokenTimeout: firstToken, idleTimeout: idle } = this.#terms();
    const scope = new AbortScope();
    const silence = new SilenceWatch({ firstToken, idle }, this.#clock, (error) => scope.abort(error));
    try {
      scope.follow(signal);
      if (timeout > 0) scope.follow(deadline.start(timeout), () => timedOut(timeout, opening.flag));
      silence.wait();
      const response = await this.#post(opening, scope);
      const contentType = response.headers.get("content-type") ?? "";
      const isStream = opening.isStream(contentType);
      const bytes = new ByteStream(response, scope, opening.call.operation, heard);
      const terminalDeadlines = this.#terminalDeadlines;
      const parts = { contentType, isStream, bytes, scope, signal, silence, failures, terminalDeadlines };
      return new HttpExchange(
        parts,
        (onMisread) => isStream ? new EventDecoder({ failures, choices, onMisread }) : new WholeDecoder(),
      );
    } catch (error) {
      silence.release();
      scope.release();
      throw error;
    }
  }

  async #post({ call: first, otherPaths }: Opening, scope: AbortScope): Promise<Response> {
    let call = first;
    let response = await this.#client.open(call, scope);
    for (const path of otherPaths) {
      if (!isMissing(response.status)) break;
      await response.body?.cancel();
      call = { ...call, path };
      response = await this.#client.open(call, scope);
    }
    if (response.ok) return response;
    throw await this.#client.failureOf(call, response, scope);
  }
}

/** The body of a request that streams. A field that the client did not send is not sent on. */
export function generationBody(request: GenerateRequest, shape: RequestShape): JsonObject {
  const { model, maxTokens, temperature, topP, topK, seed, repeatPenalty, stop, progress } = request;
  return {
    ...prompt(request.prompt, shape),
    stream: true,
    ...(model === undefined ? {} : { model }),
    ...(maxTokens === undefined ? {} : { [shape === "native" ? "n_predict" : "max_tokens"]: maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(topK === undefined ? {} : { top_k: topK }),
    ...(seed === undefined ? {} : { seed }),
    ...(repeatPenalty === undefined ? {} : { repeat_penalty: repeatPenalty }),
    ...(stop === undefined ? {} : { stop }),
    ...(progress === true ? { return_progress: true } : {}),
  };
}

function prompt(text: string, shape: RequestShape): JsonObject {
  if (shape !== "chat") return { prompt: text };
  return { messages: [{ role: "user", content: text }], stream_options: { include_usage: true } };
}

function isEventType(contentType: string): boolean {
  return /^(text\/event-stream|application\/(x-ndjson|ndjson|jsonl))\b/i.test(contentType);
}

function isJsonType(contentType: string): boolean {
  return /^application\/json\b/i.test(contentType);
}

function timedOut(ms: number, flag: string): ModeldError {
  return new ModeldError("llama_timeout", `llama-server did not finish its answer within ${ms} ms (${flag})`);
}
