import type { Exchange } from "./raw_http_server.ts";
import { chunk, replyJson, STREAM_HEAD } from "./replies.ts";
import { errorBody, sse } from "./wire_streams.ts";

/** How a router behaves. */
export interface RouterOptions {
  /** Models it keeps loaded at most; 0 is no limit. Default 4. */
  readonly maxInstances?: number;
  /** Whether a generation for an unloaded model loads it. Default true. */
  readonly autoload?: boolean;
  /** How long a load takes, in ms; 0 (the default) is at once, `Infinity` until `finishLoad` or `failLoad`. */
  readonly loadDelay?: number;
}

type State = "unloaded" | "loading" | "loaded";

interface RoutedModel {
  state: State;
  failed: boolean;
  timer?: ReturnType<typeof setTimeout>;
}

/** llama-server's router mode: models that load and unload, and a stream that tells of it. */
export class FakeRouter {
  /** Every load and unload asked for, in order, such as `load a`. */
  readonly commands: string[] = [];
  readonly #models = new Map<string, RoutedModel>();
  readonly #options: Required<RouterOptions>;
  readonly #listeners = new Set<Exchange>();
  #slots: number;

  constructor(ids: readonly string[], slots: number, options: RouterOptions) {
    this.#options = { maxInstances: 4, autoload: true, loadDelay: 0, ...options };
    this.#slots = slots;
    for (const id of ids) this.#models.set(id, { state: "unloaded", failed: false });
  }

  /** Where a model stands; undefined where there is none of that name. */
  stateOf(id: string): State | undefined {
    return this.#models.get(id)?.state;
  }

  /** Ends a load well. */
  finishLoad(id: string): void {
    this.#set(id, "loaded", false);
  }

  /** Ends a load badly. */
  failLoad(id: string): void {
    this.#set(id, "unloaded", true);
  }

  /** The model's process dies. */
  kill(id: string): void {
    this.#set(id, "unloaded", true);
  }

  /** Answers the router's own routes; false when the request is for something else. */
  async answer(exchange: Exchange): Promise<boolean> {
    const { method, path, target } = exchange.request;
    const query = new URL(target, "http://fake").searchParams;
    switch (`${method} ${path}`) {
      case "GET /props":
        await this.#props(exchange, query.get("model"));
        return true;
      case "GET /models":
      case "GET /v1/models":
        await replyJson(exchange, 200, { object: "list", data: [...this.#models.keys()].map((id) => this.#entry(id)) });
        return true;
      case "POST /models/load":
        await this.#command(exchange, "load");
        return true;
      case "POST /models/unload":
        await this.#command(exchange, "unload");
        return true;
      case "GET /models/sse":
        await exchange.send(STREAM_HEAD);
        this.#listeners.add(exchange);
        await exchange.gone;
        this.#listeners.delete(exchange);
        return true;
      default:
        return false;
    }
  }

  /** Makes a model ready for a generation, loading it where the router does; false after an error was answered. */
  async admit(exchange: Exchange, id: string): Promise<boolean> {
    const model = this.#models.get(id);
    if (model === undefined) {
      await replyJson(exchange, 400, errorBody(400, `model '${id}' not found`));
      return false;
    }
    if (model.state === "unloaded") {
      if (!this.#options.autoload) {
        await replyJson(exchange, 400, errorBody(400, "model is not loaded"));
        return false;
      }
      this.#load(id, model);
    }
    if (this.stateOf(id) === "loaded") return true;
    await replyJson(exchange, 503, errorBody(503, "Loading model", "unavailable_error"));
    return false;
  }

  /** Stops the timers of loads in progress. */
  close(): void {
    for (const model of this.#models.values()) clearTimeout(model.timer);
  }

  #entry(id: string): Record<string, unknown> {
    const model = this.#models.get(id);
    const status = { value: model?.state, ...(model?.failed ? { failed: true, exit_code: 1 } : {}) };
    const meta = model?.state === "loaded" ? { meta: { n_ctx: 2048, size: 1_171_200 } } : {};
    return { id, aliases: [], tags: [], object: "model", owned_by: "llamacpp", status, ...meta };
  }

  async #props(exchange: Exchange, id: string | null): Promise<void> {
    if (id !== null) {
      const loaded = this.stateOf(id) === "loaded";
      if (!loaded) return await replyJson(exchange, 400, errorBody(400, "model is not loaded"));
      const settings = { n_ctx: 2048 };
      return await replyJson(exchange, 200, { total_slots: this.#slots, default_generation_settings: settings });
    }
    await replyJson(exchange, 200, {
      role: "router",
      max_instances: this.#options.maxInstances,
      models_autoload: this.#options.autoload,
      build_info: "b11669-fake",
    });
  }

  async #command(exchange: Exchange, command: "load" | "unload"): Promise<void> {
    const id = String(JSON.parse(exchange.request.body).model);
    this.commands.push(`${command} ${id}`);
    const model = this.#models.get(id);
    if (model === undefined) {
      return await replyJson(exchange, 404, errorBody(404, "File Not Found", "not_found_error"));
    }
    if (command === "unload" && model.state === "unloaded") {
      return await replyJson(exchange, 400, errorBody(400, "model is not running"));
    }
    if (command === "load") this.#load(id, model);
    else this.#set(id, "unloaded", false);
    await replyJson(exchange, 200, { success: true });
  }

  #load(id: string, model: RoutedModel): void {
    if (model.state !== "unloaded") return;
    this.#set(id, "loading", false);
    const delay = this.#options.loadDelay;
    if (delay === 0) this.finishLoad(id);
    else if (delay !== Infinity) model.timer = setTimeout(() => this.finishLoad(id), delay);
  }

  #set(id: string, state: State, failed: boolean): void {
    const model = this.#models.get(id);
    if (model === undefined) throw new Error(`no model ${id}`);
    clearTimeout(model.timer);
    model.state = state;
    model.failed = failed;
    const data = { status: state, ...(state === "unloaded" ? { exit_code: failed ? 1 : 0 } : {}) };
    const event = chunk(sse({ model: id, event: "status_change", data }));
    for (const listener of this.#listeners) {
      listener.send(event).catch(() => {
        // The listener left between two events; its own task notices.
        this.#listeners.delete(listener);
      });
    }
  }
}
