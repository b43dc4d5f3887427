import { isJsonObject, type JsonObject, parseJson } from "../../base/json.ts";
import type { HttpClient } from "../connection/http_client.ts";
import { isMissing, type Reply, replyNotUnderstood } from "../failures.ts";
import type { ServerModel } from "../llama_server.ts";
import { parseModels } from "./server_models.ts";
import { parseProps, type Props } from "./server_props.ts";

/** Questions that any llama-server answers at once, even while every slot is busy. */
export class ServerQueries {
  readonly #client: HttpClient;

  constructor(client: HttpClient) {
    this.#client = client;
  }

  /** Asks `GET /health`. */
  async health(signal: AbortSignal): Promise<"ready" | "loading"> {
    const reply = await this.#get("health", "/health", signal);
    if (reply.status === 200) return "ready";
    const failure = this.#client.failures.ofReply("health", reply);
    if (failure.kind === "loading") return "loading";
    throw failure;
  }

  /** Asks `GET /v1/models`; `undefined` where the server has no such list. */
  async models(operation: string, signal: AbortSignal): Promise<readonly ServerModel[] | undefined> {
    return await this.#ask(operation, "/v1/models", parseModels, signal);
  }

  /** Asks `GET /props`, of the server or of one of a router's models; `undefined` where the server has none. */
  async props(operation: string, model: string | undefined, signal: AbortSignal): Promise<Props | undefined> {
    const query = model === undefined ? "" : `?model=${encodeURIComponent(model)}&autoload=false`;
    return await this.#ask(operation, `/props${query}`, parseProps, signal);
  }

  /** Asks `GET /slots`, of the server or of one of a router's models; `undefined` where it is turned off. */
  async busySlots(model: string | undefined, signal: AbortSignal): Promise<number | undefined> {
    const query = model === undefined ? "" : `?model=${encodeURIComponent(model)}&autoload=false`;
    return await this.#ask("slots", `/slots${query}`, countBusy, signal);
  }

  /** The whole of `GET /props`; never makes a router load the model. */
  async rawProps(model: string | undefined, signal: AbortSignal): Promise<JsonObject> {
    const query = model === undefined ? "" : `?model=${encodeURIComponent(model)}&autoload=false`;
    const reply = await this.#get("props", `/props${query}`, signal);
    if (reply.status !== 200) throw this.#client.failures.ofReply("props", reply);
    const props = parseJson(reply.body);
    if (!isJsonObject(props)) throw this.#client.failures.masked(replyNotUnderstood("props", reply));
    return props;
  }

  async #ask<T>(
    operation: string,
    path: string,
    parse: (json: unknown) => T | undefined,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const reply = await this.#get(operation, path, signal);
    if (isMissing(reply.status)) return undefined;
    if (reply.status !== 200) throw this.#client.failures.ofReply(operation, reply);
    const answer = parse(parseJson(reply.body));
    if (answer === undefined) throw this.#client.failures.masked(replyNotUnderstood(operation, reply));
    return answer;
  }

  async #get(operation: string, path: string, signal: AbortSignal): Promise<Reply> {
    return await this.#client.call({ operation, method: "GET", path }, signal);
  }
}

function countBusy(slots: unknown): number | undefined {
  if (!Array.isArray(slots)) return undefined;
  return slots.filter((slot) => isJsonObject(slot) && slot["is_processing"] === true).length;
}
