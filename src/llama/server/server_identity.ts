import { ModeldError } from "../../base/errors.ts";
import type { ModelCapacity, ServerDescription, ServerModel } from "../llama_server.ts";
import { usablePath } from "./server_models.ts";
import { capacityOf, describeServer } from "./server_props.ts";
import type { ServerQueries } from "./server_queries.ts";

/** What is remembered of a server until it is forgotten. */
interface Known {
  readonly hasModelList?: boolean;
  readonly description?: ServerDescription;
  /** Single model: its file. */
  readonly modelPath?: string;
}

/** What llama-server is and has; asked once, and kept until it is forgotten. */
export class ServerIdentity {
  readonly #queries: ServerQueries;
  #known: Known = {};
  /** How often it was forgotten: an answer to a question from before that is not kept. */
  #forgotten = 0;

  constructor(queries: ServerQueries) {
    this.#queries = queries;
  }

  /** Asks the server what it is, now. */
  async describe(signal: AbortSignal): Promise<ServerDescription> {
    return (await this.#describe(signal)).description;
  }

  /** Whether the server has OpenAI's endpoints: those that do have a list of models. */
  async hasOpenai(signal: AbortSignal): Promise<boolean> {
    if (this.#known.hasModelList !== undefined) return this.#known.hasModelList;
    const { keep } = this.#question();
    const hasModelList = await this.#queries.models("generate", signal) !== undefined;
    keep({ hasModelList });
    return hasModelList;
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
    const { kind } = this.#known.description ?? await this.describe(signal);
    const props = await this.#queries.props("capacity", kind === "router" ? model : undefined, signal);
    return props === undefined ? {} : capacityOf(props);
  }

  /** How many slots of a loaded model are generating; `undefined` where the server does not say. */
  async busySlots(model: string, signal: AbortSignal): Promise<number | undefined> {
    const { kind } = this.#known.description ?? await this.describe(signal);
    return await this.#queries.busySlots(kind === "router" ? model : undefined, signal);
  }

  /** Asks again when it is needed again: the server may be another one. */
  forget(): void {
    this.#known = {};
    this.#forgotten++;
  }

  async #describe(signal: AbortSignal): Promise<Known & { readonly description: ServerDescription }> {
    const { keep } = this.#question();
    const hasModelList = await this.#queries.models("describe", signal) !== undefined;
    const props = await this.#queries.props("describe", undefined, signal);
    const description = describeServer(props, hasModelList);
    const modelPath = usablePath(props?.model_path);
    const known = { hasModelList, description, ...(modelPath === undefined ? {} : { modelPath }) };
    keep(known);
    return known;
  }

  #question(): { keep(answer: Known): void } {
    const forgotten = this.#forgotten;
    return {
      keep: (answer) => {
        if (forgotten === this.#forgotten) this.#known = { ...this.#known, ...answer };
      },
    };
  }

  /** A single server names its model's file in `/props`, not in its list; while it loads, nowhere. */
  async #singleModelPath(signal: AbortSignal): Promise<string | undefined> {
    try {
      const { description, modelPath } = this.#known.description === undefined
        ? await this.#describe(signal)
        : this.#known;
      return description?.kind === "single" ? modelPath : undefined;
    } catch (error) {
      if (error instanceof ModeldError && error.kind === "loading") return undefined;
      throw error;
    }
  }
}
