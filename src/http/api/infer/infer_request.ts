import { clip } from "../../../base/clip.ts";
import { ModeldError } from "../../../base/errors.ts";
import { isJsonObject } from "../../../base/json.ts";
import type { GenerateRequest } from "../../../llama/llama_server.ts";
import { inferSchema } from "./infer_schema.ts";
import { checkDepth } from "./json_values.ts";
import type { z } from "zod/mini";

/** What a client asked of `POST /infer`. */
export interface InferRequest {
  readonly generate: GenerateRequest;
  /** Whether the client wants a line for each fragment. */
  readonly stream: boolean;
  /** Whether the client wants the model's reasoning, in lines of its own. */
  readonly reasoning: boolean;
  /** Whether the client wants to be told how far its request is, in lines before the first token. */
  readonly progress: boolean;
  /** The class that the client asks for. */
  readonly priority: string | undefined;
  /** Fields of the body that `/infer` does not know, at most 16. */
  readonly ignored: readonly string[];
}

/** What reading a body needs to know. */
export interface ParseOptions {
  /** Levels that objects and arrays may have. */
  readonly maxDepth: number;
  /** What modeld itself sends on to llama-server, see `GenerateRequest`. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Reads the JSON text of an `/infer` body.
 *
 * @throws ModeldError `invalid_request` that names the field
 */
export function parseInferRequest(json: string, { maxDepth, headers }: ParseOptions): InferRequest {
  const body = parseJson(json);
  checkDepth(body, maxDepth);
  const result = inferSchema.safeParse(body);
  if (isChat(body)) {
    const message = "this is /infer: send prompt, or use /v1/chat/completions for messages";
    throw new ModeldError("invalid_request", message);
  }
  if (!result.success) throw new ModeldError("invalid_request", describe(result.error, body));
  const { data } = result;
  const { prompt, model, max_tokens, temperature, top_p, top_k, seed, repeat_penalty, stop, reasoning } = data;
  const stream = data.stream ?? true;
  const progress = stream && data.progress === true;
  return {
    stream,
    reasoning: reasoning ?? false,
    progress,
    priority: data.priority ?? undefined,
    ignored: unknownFields(body),
    generate: {
      prompt,
      headers,
      ...present("model", model || undefined),
      ...present("maxTokens", Math.max(0, max_tokens ?? 0) || undefined),
      ...present("temperature", temperature),
      ...present("topP", top_p),
      ...present("topK", top_k),
      ...present("seed", seed || undefined),
      ...present("repeatPenalty", repeat_penalty),
      ...present("stop", stop),
      ...present("progress", progress || undefined),
    },
  };
}

/** Whether the client takes this for OpenAI's chat endpoint. */
function isChat(body: unknown): boolean {
  return isJsonObject(body) && body["messages"] !== undefined && (body["prompt"] ?? undefined) === undefined;
}

/** Names that fit into a header. */
const FIELD_NAME = /^[\w.-]{1,64}$/;
const MOST_IGNORED = 16;

function unknownFields(body: unknown): readonly string[] {
  if (!isJsonObject(body)) return [];
  const known = inferSchema.shape;
  return Object.keys(body).filter((name) => !(name in known) && FIELD_NAME.test(name)).slice(0, MOST_IGNORED);
}

/** The field, unless its value is missing. */
function present<K extends string, V>(field: K, value: V | null | undefined): { [P in K]?: V } {
  return value === null || value === undefined ? {} : { [field]: value } as { [P in K]?: V };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    // The parser's message repeats the text, and with it the prompt, which the log must not hold.
    throw new ModeldError("invalid_request", "the body is not valid JSON", { cause: error });
  }
}

/** Characters that the list of what is wrong with a body may have. */
const LONGEST_MESSAGE = 512;

/** A sentence for each field, with its name first, that says what is wrong with it, or with its first wrong item. */
function describe(error: z.core.$ZodError, body: unknown): string {
  const sentences = new Map<PropertyKey | undefined, string>();
  for (const { path: [field, index], message } of error.issues) {
    if (sentences.has(field)) continue;
    const name = `${String(field)}${index === undefined ? "" : `[${String(index)}]`}`;
    if (field === undefined) sentences.set(field, `the body ${message}`);
    else {sentences.set(
        field,
        field === "prompt" && isMissing(body, field) ? "prompt is required" : `${name} ${message}`,
      );}
  }
  return clip([...sentences.values()].join("; "), LONGEST_MESSAGE);
}

function isMissing(body: unknown, field: string): boolean {
  const value = (body as Record<string, unknown>)[field];
  return value === undefined || value === null;
}
