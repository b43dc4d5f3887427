import type { GenerateRequest } from "../adapter.ts";
import type { JsonObject } from "../../base/json.ts";

/** The shapes in which llama-server takes a request for text. */
export type RequestShape = "completions" | "chat" | "native";

/** The paths at which a shape is served, the preferred one first. */
export const GENERATION_PATHS: Readonly<Record<RequestShape, readonly [string, ...string[]]>> = {
  completions: ["/v1/completions"],
  chat: ["/v1/chat/completions"],
  native: ["/completion", "/completion-stream"],
};

/** The body of a request that streams. A field that the client did not send is not sent on. */
export function generationBody(request: GenerateRequest, shape: RequestShape): JsonObject {
  const body: Record<string, unknown> = { ...prompt(request.prompt, shape), stream: true };
  if (request.model !== undefined) body["model"] = request.model;
  if (request.maxTokens !== undefined) body[shape === "native" ? "n_predict" : "max_tokens"] = request.maxTokens;
  if (request.temperature !== undefined) body["temperature"] = request.temperature;
  if (request.topP !== undefined) body["top_p"] = request.topP;
  if (request.topK !== undefined) body["top_k"] = request.topK;
  if (request.seed !== undefined) body["seed"] = request.seed;
  if (request.repeatPenalty !== undefined) body["repeat_penalty"] = request.repeatPenalty;
  if (request.stop !== undefined) body["stop"] = request.stop;
  return body;
}

function prompt(text: string, shape: RequestShape): JsonObject {
  if (shape !== "chat") return { prompt: text };
  return { messages: [{ role: "user", content: text }], stream_options: { include_usage: true } };
}
