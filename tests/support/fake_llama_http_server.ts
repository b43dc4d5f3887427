import { type Exchange, RawHttpServer, type Script } from "./raw_http_server.ts";
import type { RawRequest } from "./raw_request_reader.ts";
import { replyJson } from "./replies.ts";
import { type EngineOptions, FakeEngine } from "./fake_engine.ts";
import { FakeRouter, type RouterOptions } from "./fake_router.ts";
import { answerSingleModel } from "./fake_single_model.ts";
import { errorBody } from "./wire_streams.ts";

/** How the fake behaves where no script says otherwise. */
export interface FakeLlamaOptions extends EngineOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Ids of its models; one unless it is a router. Default `tiny`. */
  readonly models?: readonly string[];
  /** Present: router mode. */
  readonly router?: RouterOptions;
  /** False: only native endpoints, as an old build. Default true. */
  readonly openai?: boolean;
  /** The key it asks for. */
  readonly apiKey?: string;
}

const GENERATE = new Set([
  "/v1/completions",
  "/v1/chat/completions",
  "/v1/messages",
  "/v1/responses",
  "/completion",
  "/completion-stream",
]);

/**
 * A llama-server of a test's making, on a raw TCP socket. It answers as a real one until a script tells it otherwise, and
 * keeps account of what it was asked.
 */
export class FakeLlamaHttpServer {
  /** Whether it is still loading its model: then every route answers 503, as the real one's do. */
  loading = false;
  readonly router: FakeRouter | undefined;
  readonly #options: FakeLlamaOptions;
  readonly #scripts: Script[] = [];
  readonly #routes = new Map<string, Script>();
  readonly #posts: RawRequest[] = [];
  readonly #awaitingPosts = new Set<{ count: number; resolve: (request: RawRequest) => void }>();
  readonly #engine: FakeEngine;
  #server: RawHttpServer | undefined;

  private constructor(options: FakeLlamaOptions) {
    this.#options = options;
    this.#engine = new FakeEngine(options);
    if (options.router !== undefined) this.router = new FakeRouter(this.models, this.#engine.slots, options.router);
  }

  /** Starts to listen. */
  static async start(options: FakeLlamaOptions = {}): Promise<FakeLlamaHttpServer> {
    const fake = new FakeLlamaHttpServer(options);
    fake.#server = await RawHttpServer.start((exchange) => fake.#answer(exchange), options.port);
    return fake;
  }

  /** Where it listens, or listened. */
  get url(): URL {
    return new URL(`http://127.0.0.1:${this.#raw.port}`);
  }

  get #raw(): RawHttpServer {
    if (this.#server === undefined) throw new Error("not started");
    return this.#server;
  }

  get models(): readonly string[] {
    return this.#options.models ?? ["tiny"];
  }

  /** Connections accepted so far. */
  get connectionCount(): number {
    return this.#raw.connectionCount;
  }

  /** Connections open now. */
  get openConnections(): number {
    return this.#raw.openConnections;
  }

  /** Every request so far, in order. */
  get requests(): readonly RawRequest[] {
    return this.#raw.requests;
  }

  /** The generations it was asked for, in order. */
  get posts(): readonly RawRequest[] {
    return this.#posts;
  }

  /** Slots that are generating now. */
  get busySlots(): number {
    return this.#engine.busy;
  }

  /** Answers the next generation, in place of the friendly answer. Several calls queue up; the slot is not counted. */
  next(script: Script): void {
    this.#scripts.push(script);
  }

  /** Hands the next generation to the test, which answers it itself; it is over when the connection is. */
  take(): Promise<Exchange> {
    const { promise, resolve } = Promise.withResolvers<Exchange>();
    this.next((exchange) => {
      resolve(exchange);
      return exchange.gone;
    });
    return promise;
  }

  /** Answers every request for a route, such as `GET /health`, from now on; undefined takes that back. */
  on(route: string, script: Script | undefined): void {
    if (script === undefined) this.#routes.delete(route);
    else this.#routes.set(route, script);
  }

  /** Resolves with the n-th generation it is asked for, counted from 1, when that has been read. */
  posted(count = 1): Promise<RawRequest> {
    const already = this.#posts[count - 1];
    if (already !== undefined) return Promise.resolve(already);
    return new Promise((resolve) => this.#awaitingPosts.add({ count, resolve }));
  }

  /** Resets every open connection and goes on listening. */
  dropConnections(): void {
    this.#raw.dropConnections();
  }

  /**
   * Stops for good.
   *
   * @throws whatever a script threw.
   */
  async close(): Promise<void> {
    this.router?.close();
    await this.#raw.close();
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { method, path } = exchange.request;
    const generation = method === "POST" && GENERATE.has(path);
    if (generation) this.#count(exchange.request);
    const script = this.#routes.get(`${method} ${path}`) ?? (generation ? this.#scripts.shift() : undefined);
    if (script !== undefined) return await script(exchange);
    if (path === "/health") return await this.#health(exchange);
    const key = this.#options.apiKey;
    if (key !== undefined && exchange.request.headers.get("authorization") !== `Bearer ${key}`) {
      return await replyJson(exchange, 401, errorBody(401, "Invalid API Key", "authentication_error"));
    }
    if (this.loading) return await replyLoading(exchange);
    if (path.startsWith("/v1/") && this.#options.openai === false) return await notFound(exchange);
    if (generation) return await this.#generation(exchange);
    if (await this.router?.answer(exchange)) return;
    if (await answerSingleModel(exchange, this.models, this.#engine)) return;
    await notFound(exchange);
  }

  #count(request: RawRequest): void {
    this.#posts.push(request);
    for (const waiting of this.#awaitingPosts) {
      if (waiting.count > this.#posts.length) continue;
      this.#awaitingPosts.delete(waiting);
      waiting.resolve(request);
    }
  }

  async #health(exchange: Exchange): Promise<void> {
    if (this.loading) return await replyLoading(exchange);
    await replyJson(exchange, 200, { status: "ok" });
  }

  async #generation(exchange: Exchange): Promise<void> {
    const { path } = exchange.request;
    if (path === "/completion-stream") return await notFound(exchange);
    const body = JSON.parse(exchange.request.body);
    if (this.router !== undefined && !await this.router.admit(exchange, String(body.model))) return;
    await this.#engine.generate(exchange, body);
  }
}

async function replyLoading(exchange: Exchange): Promise<void> {
  await replyJson(exchange, 503, errorBody(503, "Loading model", "unavailable_error"));
}

async function notFound(exchange: Exchange): Promise<void> {
  await replyJson(exchange, 404, errorBody(404, "File Not Found", "not_found_error"));
}
