import { LimitedBytesTransformStream } from "@std/streams/limited-bytes-transform-stream";
import { AbortScope } from "../../base/abort.ts";
import type { Clock } from "../../base/clock.ts";
import { ModeldError } from "../../base/errors.ts";
import { Failures, messageOf, type Reply } from "../failures.ts";
import { ConnectWatch, SharedDeadline } from "./deadlines.ts";
import { fetchFailure } from "./fetch_failure.ts";

/** What every request to llama-server needs, as it is when the request is sent. Durations in ms, 0 = none. */
export interface HttpTerms {
  readonly apiKey?: string | undefined;
  /** To reach the server; does not bound the time until its answer. */
  readonly connectTimeout: number;
}

/** Where llama-server is. */
export interface HttpClientOptions {
  /** May carry a path prefix and a trailing slash; holds no credentials. */
  readonly url: URL;
  /** The present ones. */
  readonly terms: () => HttpTerms;
  /** Certificates of private CAs, PEM. */
  readonly caCerts?: readonly string[];
  readonly clock: Clock;
}

/** One HTTP request to llama-server. */
export interface Call {
  /** What modeld is doing, for messages. */
  readonly operation: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  /** JSON, in pieces that are sent one after another. */
  readonly body?: readonly Uint8Array[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** More than any list of models, in bytes; what is beyond it is not read. */
const REPLY_LIMIT = 16 * 1024 * 1024;

/**
 * More than any error of llama-server's, in bytes: some quote the grammar or the prompt that they refuse. Less would cut
 * the JSON, so that its message and type could not be read.
 */
const FAILURE_LIMIT = 4 * 1024 * 1024;

/** The one place that sends HTTP requests to one llama-server. */
export class HttpClient {
  readonly failures: Failures;
  /** When bytes last came from the server, in the clock's ms. */
  lastHeardAt = -Infinity;
  readonly #clock: Clock;
  /** The address without a trailing slash. */
  readonly #base: string;
  readonly #terms: () => HttpTerms;
  readonly #connectWatch: ConnectWatch;
  readonly #callDeadline: SharedDeadline;
  readonly #posts: Deno.HttpClient;
  readonly #gets: Deno.HttpClient;

  constructor({ url, terms, caCerts, clock }: HttpClientOptions) {
    this.failures = new Failures();
    this.#clock = clock;
    this.#base = url.origin + url.pathname.replace(/\/+$/, "");
    this.#terms = terms;
    this.#connectWatch = new ConnectWatch(url, clock);
    this.#callDeadline = new SharedDeadline(clock);
    const common = { http2: false, ...(caCerts === undefined ? {} : { caCerts: [...caCerts] }) };
    // A POST on a pooled connection that llama-server has just closed would fail, or Deno would silently send it again.
    this.#posts = createDirectHttpClient(url, { ...common, poolMaxIdlePerHost: 0 });
    this.#gets = createDirectHttpClient(url, common);
  }

  /** Notes that bytes have come from the server. */
  readonly heard = (): void => {
    this.lastHeardAt = this.#clock.now();
  };

  /**
   * Sends one request, once, and resolves when the headers of its answer are here, whatever their status.
   *
   * @param scope aborts the request, and the reading of the answer; stays the caller's to release.
   * @throws the scope's reason; ModeldError `unreachable`, `overloaded` or `upstream_error`.
   */
  async open(call: Call, scope: AbortScope): Promise<Response> {
    const { connectTimeout } = this.#terms();
    const stopWatching = this.#connectWatch.start(
      connectTimeout,
      () => scope.abort(this.#unreachable(`did not accept a connection`, connectTimeout)),
    );
    try {
      return await this.#fetch(call, scope);
    } finally {
      stopWatching();
    }
  }

  /**
   * Sends a request that llama-server answers at once, and reads the whole answer. The connect deadline bounds all of it.
   *
   * @throws the signal's reason; ModeldError `unreachable`, `overloaded` or `upstream_error`.
   */
  async call(call: Call, signal: AbortSignal): Promise<Reply> {
    const scope = new AbortScope();
    try {
      scope.follow(signal);
      const { connectTimeout } = this.#terms();
      if (connectTimeout > 0) {
        scope.follow(
          this.#callDeadline.start(connectTimeout),
          () => this.#unreachable(`did not answer ${call.method} ${call.path}`, connectTimeout),
        );
      }
      return await this.#read(call, await this.#fetch(call, scope), scope, REPLY_LIMIT);
    } finally {
      scope.release();
    }
  }

  /**
   * Reads an answer that is not 2xx to its end and makes an error of it.
   *
   * @throws the scope's reason; ModeldError `upstream_error` when the connection breaks.
   */
  async failureOf(call: Call, response: Response, scope: AbortScope): Promise<ModeldError> {
    return this.failures.ofReply(call.operation, await this.#read(call, response, scope, FAILURE_LIMIT));
  }

  /** Releases pooled connections and timers. */
  close(): void {
    this.#connectWatch.close();
    this.#posts.close();
    this.#gets.close();
  }

  async #fetch(call: Call, scope: AbortScope): Promise<Response> {
    scope.signal.throwIfAborted();
    const { method, path, body } = call;
    const { apiKey } = this.#terms();
    if (apiKey !== undefined) this.failures.hide(apiKey);
    try {
      const response = await fetch(this.#base + path, {
        method,
        headers: {
          // An encoding would hold tokens back until a block of them is full.
          "accept-encoding": "identity",
          ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
          ...call.headers,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        // Deno may send a body that it can send again twice; a stream it cannot.
        body: body === undefined ? null : onceReadable(body),
        redirect: "manual", // following one would send a POST again
        signal: scope.signal,
        client: method === "POST" ? this.#posts : this.#gets,
      });
      this.heard();
      return response;
    } catch (error) {
      if (scope.signal.aborted) throw scope.signal.reason;
      throw fetchFailure(call.operation, this.#base, error);
    }
  }

  async #read(call: Call, response: Response, scope: AbortScope, limit: number): Promise<Reply> {
    const endpoint = `${call.method} ${call.path}`;
    const { status } = response;
    const contentType = response.headers.get("content-type") ?? "";
    try {
      return { endpoint, status, contentType, body: await readText(response, limit) };
    } catch (cause) {
      scope.signal.throwIfAborted();
      throw new ModeldError("upstream_error", messageOf(call.operation, `the answer to ${endpoint} was cut off`), {
        cause,
      });
    }
  }

  #unreachable(what: string, ms: number): ModeldError {
    return new ModeldError(
      "unreachable",
      `llama-server at ${this.#base} ${what} within ${ms} ms (--llama-connect-timeout): ` +
        "is it running, and is --llama-url right?",
    );
  }
}

const utf8 = new TextEncoder();

/** The body of a request that holds this value as JSON. */
export function jsonBody(value: unknown): readonly Uint8Array[] {
  return [utf8.encode(JSON.stringify(value))];
}

/** A stream of these pieces; a third of the cost of a Blob's. */
function onceReadable(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      const piece = pieces[next++];
      if (piece !== undefined) controller.enqueue(piece);
      if (next >= pieces.length) controller.close();
    },
  }, { highWaterMark: 0 });
}

/** The text of an answer; what is beyond so many bytes is not read. */
async function readText(response: Response, limit: number): Promise<string> {
  const body = response.body?.pipeThrough(new LimitedBytesTransformStream(limit)) ?? null;
  return await new Response(body).text();
}

const NO_PROXY = "NO_PROXY";

/**
 * Makes an HTTP client that goes straight to `url`, whatever `HTTP_PROXY` and its like say. Deno reads `NO_PROXY` when a
 * client is made and has no option of its own (a `tcp` proxy sends absolute-form requests, and `https` in the clear), so
 * the variable names this one host for that moment. Without permission for the variable it stays as it is.
 */
export function createDirectHttpClient(url: URL, options: Deno.CreateHttpClientOptions): Deno.HttpClient {
  if (Deno.permissions.querySync({ name: "env", variable: NO_PROXY }).state !== "granted") {
    return Deno.createHttpClient(options);
  }
  const before = Deno.env.get(NO_PROXY);
  Deno.env.set(NO_PROXY, url.hostname.replace(/^\[|\]$/g, ""));
  try {
    return Deno.createHttpClient(options);
  } finally {
    if (before === undefined) Deno.env.delete(NO_PROXY);
    else Deno.env.set(NO_PROXY, before);
  }
}
