import * as z from "zod/mini";
import { AbortScope } from "../../base/abort.ts";
import { ModeldError } from "../../base/errors.ts";
import { parseJson } from "../../base/json.ts";
import { ByteStream } from "../connection/byte_stream.ts";
import { type HttpClient, jsonBody } from "../connection/http_client.ts";
import type { ModelEvent, ServerModelState } from "../llama_server.ts";
import { dataOf, EventFramer } from "../stream/framing.ts";
import { stateOf } from "./server_models.ts";
import type { ServerQueries } from "./server_queries.ts";

/** The states in which a router refuses a request because what it asks for is so already. */
const SATISFIED: Readonly<Record<"load" | "unload", readonly ServerModelState[]>> = {
  load: ["loading", "loaded"],
  unload: ["unloaded", "failed"],
};

/**
 * Asks a router to load or unload a model; resolves when it agrees, or when there is nothing to do. A router refuses both
 * "already so" and "no such model" with the same status, so after a refusal its list decides which it was.
 *
 * @throws ModeldError `model_not_found`; `upstream_refused` where the server is no router.
 */
export async function controlModel(
  client: HttpClient,
  queries: ServerQueries,
  action: "load" | "unload",
  model: string,
  signal: AbortSignal,
): Promise<void> {
  const body = jsonBody({ model });
  const reply = await client.call({ operation: action, method: "POST", path: `/models/${action}`, body }, signal);
  if (reply.status === 200) return;
  if (reply.status === 400 || reply.status === 404) {
    const listed = (await queries.models(action, signal))?.find(({ id }) => id === model);
    if (listed === undefined) throw new ModeldError("model_not_found", `model not found: ${model}`);
    if (reply.status === 400 && SATISFIED[action].includes(listed.state)) return;
  }
  throw client.failures.ofReply(action, reply);
}

/** What is read of one event of `GET /models/sse`. */
const StatusEvent = z.object({
  model: z.string(),
  data: z.object({ status: z.string(), exit_code: z.optional(z.number()) }),
});

/** A router's state changes as they come, until it closes the stream. */
export async function* modelEvents(client: HttpClient, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  const call = { operation: "events", method: "GET", path: "/models/sse" } as const;
  const scope = new AbortScope();
  let stream: ByteStream | undefined;
  try {
    scope.follow(signal);
    const response = await client.open(call, scope);
    if (!response.ok) throw await client.failureOf(call, response, scope);
    stream = new ByteStream(response, scope, call.operation, client.heard);
    const framer = new EventFramer();
    for (let piece; (piece = await stream.read()) !== undefined;) {
      const { bytes, frames, failure } = framer.push(piece);
      const changes = frames.filter(({ kind }) => kind === "data").map((frame) => modelEvent(dataOf(bytes, frame)));
      yield* changes.filter((change) => change !== undefined);
      if (failure !== undefined) throw failure;
    }
  } finally {
    stream?.close();
    scope.release();
  }
}

/** The change of state that an event announces; `undefined` for the progress of a load and for words of later builds. */
function modelEvent(data: string): ModelEvent | undefined {
  const event = StatusEvent.safeParse(parseJson(data)).data;
  if (event === undefined) return undefined;
  const { status: value, exit_code: exitCode } = event.data;
  const state = stateOf({ value, failed: false, exitCode });
  return state === undefined ? undefined : { model: event.model, ...state };
}
