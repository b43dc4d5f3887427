import { ModeldError } from "../../errors.ts";
import type { ModelCapacity, ServerDescription, ServerModel } from "../adapter.ts";
import { capacityOf, describeServer } from "./server_description.ts";
import { usablePath } from "./server_models.ts";
import type { ServerQueries } from "./server_queries.ts";

/** What llama-server is and has; asked once, and kept until it is forgotten. */
export class ServerIdentity {
  readonly #queries: ServerQueries;
  #hasModelList: boolean | undefined;
  #description: ServerDescription | undefined;
  /** Single model: its file. */
  #modelPath: string | undefined;

  constructor(queries: ServerQueries) {
    this.#queries = queries;
  }

  /** Asks the server what it is, now. */
  async describe(signal: AbortSignal): Promise<ServerDescription> {
    const hasModelList = await this.#queries.models("describe", signal) !== undefined;
    const props = await this.#queries.props("describe", undefined, signal);
    this.#hasModelList = hasModelList;
    this.#modelPath = usablePath(props?.model_path);
    this.#description = describeServer(props, hasModelList);
    return this.#description;
  }

  /** Whether the server has OpenAI's endpoints: those that do have a list of models. */
  async hasOpenai(signal: AbortSignal): Promise<boolean> {
    this.#hasModelList ??= await this.#queries.models("generate", signal) !== undefined;
    return this.#hasModelList;
  }

  /** The server's models, now; `undefined` where it has no list. */
  async models(signal: AbortSignal): Promise<readonly ServerModel[] | undefined> {
    const models = await this.#queries.models("models", signal);
    if (models === undefined || models.every(({ path }) => path !== undefined)) return models;
    const path = await this.#singleModelPath(signal);
    return path === undefined ? models : models.map((model) => ({ ...model, path }));
  }

  /** What a model can take, now. Never makes a router load it. */
  async capacity(model: string, signal: AbortSignal): Promise<ModelCapacity> {
    const { kind } = this.#description ?? await this.describe(signal);
    const props = await this.#queries.props("capacity", kind === "router" ? model : undefined, signal);
    return props === undefined ? {} : capacityOf(props);
  }

  /** Asks again when it is needed again: the server may be another one. */
  forget(): void {
    this.#hasModelList = undefined;
    this.#description = undefined;
    this.#modelPath = undefined;
  }

  /** A single server names its model's file in `/props`, not in its list; while it loads, nowhere. */
  async #singleModelPath(signal: AbortSignal): Promise<string | undefined> {
    try {
      const { kind } = this.#description ?? await this.describe(signal);
      return kind === "single" ? this.#modelPath : undefined;
    } catch (error) {
      if (error instanceof ModeldError && error.kind === "loading") return undefined;
      throw error;
    }
  }
}
