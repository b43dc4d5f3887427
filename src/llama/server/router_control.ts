import { clip } from "../../clip.ts";
import { ModeldError } from "../../errors.ts";
import type { ServerModelState } from "../adapter.ts";
import { failureOf } from "../connection/reply.ts";
import type { ServerClient } from "../connection/server_client.ts";
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
  client: ServerClient,
  queries: ServerQueries,
  action: "load" | "unload",
  model: string,
  signal: AbortSignal,
): Promise<void> {
  const call = { operation: action, method: "POST", path: `/models/${action}`, body: { model } } as const;
  const reply = await client.call(call, signal);
  if (reply.status === 200) return;
  if (reply.status === 400 || reply.status === 404) {
    const listed = (await queries.models(action, signal))?.find(({ id }) => id === model);
    if (listed === undefined) throw new ModeldError("model_not_found", `model not found: ${clip(model)}`);
    if (reply.status === 400 && SATISFIED[action].includes(listed.state)) return;
  }
  throw failureOf(action, reply);
}
