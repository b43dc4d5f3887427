import type { Clock } from "../../clock.ts";
import { ModeldError } from "../../errors.ts";
import { LimitedLog } from "../../telemetry/limited_log.ts";
import { getLogger } from "../../telemetry/log.ts";
import { AbortScope } from "./abort_scope.ts";
import { ConnectWatch } from "./connect_watch.ts";
import { createDirectHttpClient } from "./direct_http_client.ts";
import { fetchFailure } from "./fetch_failure.ts";
import { readReply, type Reply } from "./reply.ts";
import { SharedDeadline } from "./shared_deadline.ts";

/** Where llama-server is and what every call to it needs. Durations in ms, 0 = none. */
export interface ServerClientOptions {
  readonly url: URL;
  readonly apiKey?: string;
  readonly connectTimeout: number;
  readonly caCerts?: readonly string[];
  readonly clock: Clock;
}

/** One HTTP request to llama-server. */
export interface Call {
  /** What modeld is doing, for messages. */
  readonly operation: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** That file descriptors are short is said at most once in this time, in ms. */
const WARNING_MS = 60_000;

/** The one place that sends HTTP requests to llama-server. */
export class ServerClient {
  /** The address without a trailing slash. */
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #connectWatch: ConnectWatch;
  readonly #callDeadline: SharedDeadline;
  readonly #posts: Deno.HttpClient;
  readonly #gets: Deno.HttpClient;
  readonly #warnings: LimitedLog;

  constructor(options: ServerClientOptions) {
    const { url, apiKey, connectTimeout, clock } = options;
    this.#base = url.origin + url.pathname.replace(/\/+$/, "");
    this.#headers = {
      // An encoding would hold tokens back until a block of them is full.
      "accept-encoding": "identity",
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    };
    this.#connectWatch = new ConnectWatch(url, connectTimeout, clock);
    this.#warnings = new LimitedLog(getLogger("llama"), { lines: 1, windowMs: WARNING_MS }, clock);
    this.#callDeadline = new SharedDeadline(connectTimeout, clock);
    const common = { http2: false, ...(options.caCerts === undefined ? {} : { caCerts: [...options.caCerts] }) };
    // A POST on a pooled connection that llama-server has just closed would fail, or be sent a second time behind our back.
    this.#posts = createDirectHttpClient(url, { ...common, poolMaxIdlePerHost: 0 });
    this.#gets = createDirectHttpClient(url, common);
  }

  /**
   * Sends one request, once, and resolves when the headers of its answer are here, whatever their status.
   *
   * @param scope aborts the request, and the reading of the answer; stays the caller's to release.
   * @throws the scope's reason; ModeldError `unreachable`, `overloaded` or `upstream_error`.
   */
  async open(call: Call, scope: AbortScope): Promise<Response> {
    const stopWatching = this.#connectWatch.start(() => scope.abort(this.#unreachable(`did not accept a connection`)));
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
      if (this.#callDeadline.ms > 0) {
        scope.follow(this.#callDeadline.start(), () => this.#unreachable(`did not answer ${call.method} ${call.path}`));
      }
      return await this.read(call, await this.#fetch(call, scope), scope);
    } finally {
      scope.release();
    }
  }

  /**
   * Reads the whole of an answer.
   *
   * @throws the scope's reason; ModeldError `upstream_error` when the connection breaks.
   */
  async read(call: Call, response: Response, scope: AbortScope): Promise<Reply> {
    const endpoint = `${call.method} ${call.path}`;
    try {
      return await readReply(endpoint, response);
    } catch (cause) {
      scope.signal.throwIfAborted();
      throw new ModeldError("upstream_error", `adapter ${call.operation}: the answer to ${endpoint} was cut off`, {
        cause,
      });
    }
  }

  /** Releases pooled connections and timers. */
  close(): void {
    this.#connectWatch.close();
    this.#warnings.close();
    this.#posts.close();
    this.#gets.close();
  }

  async #fetch(call: Call, scope: AbortScope): Promise<Response> {
    scope.signal.throwIfAborted();
    const { method, path, body } = call;
    try {
      return await fetch(this.#base + path, {
        method,
        headers: {
          ...this.#headers,
          ...call.headers,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        // Deno may send a body that it can send again twice; a stream it cannot.
        body: body === undefined ? null : onceReadable(JSON.stringify(body)),
        redirect: "manual", // following one would send a POST again
        signal: scope.signal,
        client: method === "POST" ? this.#posts : this.#gets,
      });
    } catch (error) {
      if (scope.signal.aborted) throw scope.signal.reason;
      const failure = fetchFailure(call.operation, this.#base, error);
      if (failure.kind === "overloaded") this.#warnings.warn(`${failure.message}; is LimitNOFILE too low?`);
      throw failure;
    }
  }

  #unreachable(what: string): ModeldError {
    return new ModeldError(
      "unreachable",
      `llama-server at ${this.#base} ${what} within ${this.#callDeadline.ms} ms (--llama-connect-timeout): ` +
        "is it running, and is --llama-url right?",
    );
  }
}

const utf8 = new TextEncoder();

/** A stream of one piece; a third of the cost of a Blob's. */
function onceReadable(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(utf8.encode(text));
      controller.close();
    },
  }, { highWaterMark: 0 });
}
