import * as z from "zod/mini";
import type { Engine, GenerationRequest } from "./generation.ts";
import { randomNumbers } from "./random.ts";
import { defaultSampling } from "./sampler.ts";
import { renderChat } from "./story_model.ts";

/** A request that cannot be served, as llama-server says it. */
export class RefusedRequest extends Error {
  constructor(
    message: string,
    readonly status = 400,
    readonly type = "invalid_request_error",
    readonly facts: Readonly<Record<string, number>> = {},
  ) {
    super(message);
  }
}

/** A generation, and the way in which its answer is wanted. */
export interface ParsedRequest {
  readonly generation: GenerationRequest;
  readonly stream: boolean;
  /** Whether a stream of a chat is to say at its end how many tokens there were. */
  readonly includeUsage: boolean;
}

/** Largest body that is read, in bytes. modeld's own limit for `/infer` is the same unless it is set otherwise. */
const longestBody = 1_048_576;
/** Most stop texts of a request, and how long each may be: all of them are looked for at every token. */
const mostStops = 64;
const longestStop = 256;

const count = z.int().check(z.gte(-1), z.lte(2 ** 31 - 1));
const stopText = z.string().check(z.maxLength(longestStop));
const message = z.object({
  content: z.union([z.string(), z.array(z.object({ type: z.literal("text"), text: z.string() }))]),
});
const fields = z.object({
  prompt: z.optional(z.union([z.string(), z.array(z.int().check(z.gte(0)))])),
  messages: z.optional(z.array(message).check(z.minLength(1))),
  stream: z.nullish(z.boolean()),
  stream_options: z.nullish(z.object({ include_usage: z.nullish(z.boolean()) })),
  max_tokens: z.nullish(count),
  max_completion_tokens: z.nullish(count),
  n_predict: z.nullish(count),
  n: z.nullish(z.literal(1)),
  temperature: z.nullish(z.number()),
  top_k: z.nullish(z.int()),
  top_p: z.nullish(z.number()),
  min_p: z.nullish(z.number()),
  repeat_penalty: z.nullish(z.number().check(z.gt(0))),
  seed: z.nullish(z.int()),
  stop: z.nullish(z.union([stopText, z.array(stopText).check(z.maxLength(mostStops))])),
});
const tokenizeFields = z.object({ content: z.optional(z.string()), add_special: z.nullish(z.boolean()) });

/**
 * Reads a request for a generation.
 *
 * @throws RefusedRequest where it makes no sense, or its prompt does not fit into the context.
 */
export function parseRequest(body: string, isChat: boolean, engine: Engine): ParsedRequest {
  const given = parseFields(fields, body);
  const seed = given.seed ?? -1;
  const stop = given.stop ?? [];
  return {
    generation: {
      prompt: isChat ? readMessages(given.messages, engine) : readPrompt(given.prompt, engine),
      maxTokens: given.max_tokens ?? given.max_completion_tokens ?? given.n_predict ?? -1,
      stop: typeof stop === "string" ? [stop] : stop,
      temperature: given.temperature ?? defaultSampling.temperature,
      topK: given.top_k ?? defaultSampling.topK,
      topP: given.top_p ?? defaultSampling.topP,
      minP: given.min_p ?? defaultSampling.minP,
      repeatPenalty: given.repeat_penalty ?? defaultSampling.repeatPenalty,
      random: seed === -1 ? Math.random : randomNumbers(seed),
    },
    stream: given.stream ?? false,
    includeUsage: given.stream_options?.include_usage ?? false,
  };
}

/** @throws RefusedRequest where the body is larger than the engine reads. */
export async function readBody(request: Request): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const piece of request.body ?? []) {
    bytes += piece.length;
    if (bytes > longestBody) throw new RefusedRequest(`the body is larger than ${longestBody} bytes`, 413);
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

/**
 * The tokens of a text.
 *
 * @throws RefusedRequest where it makes no sense, or does not fit into the context.
 */
export function parseTokenize(body: string, engine: Engine): number[] {
  const { content, add_special: special } = parseFields(tokenizeFields, body);
  const tokens = encode(content ?? "", engine);
  return special === true ? tokens : tokens.slice(1);
}

/** @throws RefusedRequest where the body is no JSON. */
function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new RefusedRequest(`the body is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parseFields<T extends z.ZodMiniType>(schema: T, body: string): z.infer<T> {
  const { success, data, error } = schema.safeParse(parseJson(body));
  if (success) return data;
  const [issue] = error.issues;
  throw new RefusedRequest(`Field '${issue?.path.join(".")}': ${issue?.message}`);
}

function readPrompt(prompt: string | number[] | undefined, engine: Engine): number[] {
  if (prompt === undefined) throw new RefusedRequest("'prompt' is required");
  if (typeof prompt === "string") return encode(prompt, engine);
  if (prompt.length === 0) return [engine.tokenizer.bos];
  if (prompt.some((token) => token >= engine.tokenizer.size)) {
    throw new RefusedRequest("Prompt contains invalid tokens");
  }
  return fitting(prompt, prompt.length, engine);
}

function readMessages(messages: z.infer<typeof fields>["messages"], engine: Engine): number[] {
  if (messages === undefined) throw new RefusedRequest("'messages' is required");
  return encode(
    renderChat(
      messages.map(({ content }) =>
        typeof content === "string" ? content : content.map((part) => part.text).join("\n")
      ),
    ),
    engine,
  );
}

function encode(text: string, engine: Engine): number[] {
  // A text that cannot fit is not tokenized at all, however long it is.
  fitting([], engine.tokenizer.fewest(text), engine);
  const tokens = engine.tokenizer.encode(text);
  return fitting(tokens, tokens.length, engine);
}

function fitting(tokens: number[], length: number, { contextLength }: Engine): number[] {
  if (length < contextLength) return tokens;
  const text =
    `request (${length} tokens) exceeds the available context size (${contextLength} tokens), try increasing it`;
  throw new RefusedRequest(text, 400, "exceed_context_size_error", { n_prompt_tokens: length, n_ctx: contextLength });
}
