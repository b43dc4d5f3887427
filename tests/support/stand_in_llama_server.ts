import { CANNED_TOKENS, cannedGeneration } from "./canned_generation.ts";
import { type Exchange, RawHttpServer, type Script } from "./raw_http_server.ts";
import type { RawRequest } from "./raw_request_reader.ts";
import { chunk, LAST_CHUNK, replyJson, STREAM_HEAD } from "./replies.ts";
import { type RouterOptions, StandInRouter } from "./stand_in_router.ts";
import { errorBody } from "./wire_streams.ts";

/** How the stand-in behaves where no script says otherwise. */
export interface StandInOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Ids of its models; one unless it is a router. Default `tiny`. */
  readonly models?: readonly string[];
  /** Present: router mode. */
  readonly router?: RouterOptions;
  /** False: only native endpoints, as an old build. Default true. */
  readonly openai?: boolean;
  /** Generations at once. Default 4. */
  readonly slots?: number;
  /** The key it asks for. */
  readonly apiKey?: string;
  /** What it generates. */
  readonly tokens?: readonly string[];
  /** Milliseconds between two tokens. Default 0. */
  readonly tokenDelay?: number;
}

const GENERATE = new Set(["/v1/completions", "/v1/chat/completions", "/completion", "/completion-stream"]);

/**
 * A llama-server of a test's making, on a raw TCP socket. It answers as a real one until a script tells it otherwise, and
 * keeps account of what it was asked.
 */
export class StandInLlamaServer {
  /** Whether it is still loading its model: then every route answers 503, as the real one's do. */
  loading = false;
  readonly router: StandInRouter | undefined;
  readonly #options: StandInOptions;
  readonly #scripts: Script[] = [];
  readonly #routes = new Map<string, Script>();
  readonly #posts: RawRequest[] = [];
  readonly #awaitingPosts = new Set<{ count: number; resolve: (request: RawRequest) => void }>();
  readonly #awaitingSlot: (() => void)[] = [];
  readonly #slots: number;
  #server: RawHttpServer | undefined;
  #busy = 0;

  private constructor(options: StandInOptions) {
    this.#options = options;
    this.#slots = options.slots ?? 4;
    if (options.router !== undefined) this.router = new StandInRouter(this.models, this.#slots, options.router);
  }

  /** Starts to listen. */
  static async start(options: StandInOptions = {}): Promise<StandInLlamaServer> {
    const standIn = new StandInLlamaServer(options);
    standIn.#server = await RawHttpServer.start((exchange) => standIn.#answer(exchange), options.port);
    return standIn;
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
    return this.#busy;
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
    if (method === "GET" && await this.#singleModel(exchange)) return;
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

  async #singleModel(exchange: Exchange): Promise<boolean> {
    switch (exchange.request.path) {
      case "/props":
        await replyJson(exchange, 200, {
          total_slots: this.#slots,
          model_path: `/models/${this.models[0]}.gguf`,
          build_info: "b11669-stand-in",
          default_generation_settings: { n_ctx: 2048 },
        });
        return true;
      case "/v1/models":
      case "/models":
        await replyJson(exchange, 200, {
          object: "list",
          data: this.models.map((id) => ({
            id,
            aliases: [id],
            object: "model",
            meta: { n_ctx: 2048, size: 1_171_200 },
          })),
        });
        return true;
      case "/slots": {
        const slots = Array.from({ length: this.#slots }, (_, id) => ({ id, is_processing: id < this.#busy }));
        await replyJson(exchange, 200, slots);
        return true;
      }
      default:
        return false;
    }
  }

  async #generation(exchange: Exchange): Promise<void> {
    const { path } = exchange.request;
    if (path === "/completion-stream") return await notFound(exchange);
    const body = JSON.parse(exchange.request.body);
    if (this.router !== undefined && !await this.router.admit(exchange, String(body.model))) return;
    if (this.#busy >= this.#slots) await new Promise<void>((resolve) => this.#awaitingSlot.push(resolve));
    else this.#busy++;
    try {
      await this.#generate(exchange, path, body);
    } finally {
      const next = this.#awaitingSlot.shift();
      if (next === undefined) this.#busy--;
      else next();
    }
  }

  async #generate(exchange: Exchange, path: string, body: Record<string, unknown>): Promise<void> {
    const { events, whole } = cannedGeneration(path, body, this.#options.tokens ?? CANNED_TOKENS);
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
    const delay = this.#options.tokenDelay ?? 0;
    if (delay === 0) return false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const passed = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), delay));
    const left = await Promise.race([passed, exchange.gone.then(() => true)]);
    clearTimeout(timer);
    return left;
  }
}

async function replyLoading(exchange: Exchange): Promise<void> {
  await replyJson(exchange, 503, errorBody(503, "Loading model", "unavailable_error"));
}

async function notFound(exchange: Exchange): Promise<void> {
  await replyJson(exchange, 404, errorBody(404, "File Not Found", "not_found_error"));
}
