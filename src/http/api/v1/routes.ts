/** Whose API a path belongs to: how its errors look, before and after the first byte. */
export type ApiShape = "openai" | "native" | "anthropic" | "responses";

/**
 * How many slots a request takes: its prompts times the completions of each. Of several names, llama-server takes the first
 * that is given and not null. A field that is missing counts as 1.
 */
export interface SlotCount {
  /** Where the prompts are: an array is as many as it has elements, but one with a number in it is one prompt, in tokens. */
  readonly prompts: readonly string[];
  /** Where the number of completions for each prompt is. */
  readonly times: readonly string[];
}

/**
 * The event with which a stream ends well: `data: [DONE]`; native, `"stop":true` once for each task;
 * `event: message_stop`; `event: response.completed` or `response.incomplete`.
 */
export type TerminalEvent = "[DONE]" | "stop" | "message_stop" | "response";

/** One endpoint of llama-server that modeld passes on. All its paths are POST. */
export interface V1Route {
  /** What clients may call it; they all mean the same to llama-server. */
  readonly paths: readonly string[];
  /** What llama-server is asked; the path that its oldest builds with this endpoint have. */
  readonly upstream: string;
  readonly api: ApiShape;
  /** Undefined: a cheap call that takes no slot. */
  readonly slots: SlotCount | undefined;
  /** Undefined: the answer comes whole, whatever `stream` says. */
  readonly terminal: TerminalEvent | undefined;
  /** The fields that limit the tokens of an answer; the first that is given holds. */
  readonly tokenLimits: readonly string[];
  /** The fields that make the prompt, in the order in which templates put them: what the affinity index hashes. */
  readonly prompt: readonly string[];
}

/** llama-server reads both in any generating request: `n_cmpl` is its own name for OpenAI's `n`. */
const COMPLETIONS = ["n_cmpl", "n"];

/** llama-server's own name beats OpenAI's. */
const TOKEN_LIMITS = ["n_predict", "max_completion_tokens", "max_tokens"];

const NO_ANSWER = { terminal: undefined, tokenLimits: [] };
const CHEAP = { slots: undefined, ...NO_ANSWER, prompt: [] };

/**
 * The endpoints of contract-v1, as llama-server 11669 has them (tools/server/server.cpp of llama.cpp). Its other paths are
 * left out on purpose: they change the server (`/slots`, `/lora-adapters`, `/props`, `/models/load`), fetch for the client
 * (`/cors-proxy`, `/tools`), or take forms (`/v1/audio/transcriptions`).
 */
export const v1Routes: readonly V1Route[] = [
  {
    paths: ["/v1/chat/completions", "/chat/completions"],
    upstream: "/v1/chat/completions",
    api: "openai",
    slots: { prompts: [], times: COMPLETIONS },
    terminal: "[DONE]",
    tokenLimits: TOKEN_LIMITS,
    prompt: ["tools", "messages"],
  },
  {
    paths: ["/v1/completions"],
    upstream: "/v1/completions",
    api: "openai",
    slots: { prompts: ["prompt"], times: COMPLETIONS },
    terminal: "[DONE]",
    tokenLimits: TOKEN_LIMITS,
    prompt: ["prompt"],
  },
  {
    // OpenAI's Responses have no `n`, but llama-server makes as many of them as it says.
    paths: ["/v1/responses", "/responses"],
    upstream: "/v1/responses",
    api: "responses",
    slots: { prompts: [], times: COMPLETIONS },
    terminal: "response",
    tokenLimits: ["n_predict", "max_completion_tokens", "max_output_tokens", "max_tokens"],
    prompt: ["instructions", "tools", "input"],
  },
  {
    // Of a message's fields, llama-server takes over only those it knows, `n` not among them.
    paths: ["/v1/messages"],
    upstream: "/v1/messages",
    api: "anthropic",
    slots: { prompts: [], times: [] },
    terminal: "message_stop",
    tokenLimits: ["max_tokens"],
    prompt: ["system", "tools", "messages"],
  },
  {
    paths: ["/completion", "/completions"],
    upstream: "/completion",
    api: "native",
    slots: { prompts: ["prompt"], times: COMPLETIONS },
    terminal: "stop",
    tokenLimits: TOKEN_LIMITS,
    prompt: ["prompt"],
  },
  {
    paths: ["/infill"],
    upstream: "/infill",
    api: "native",
    slots: { prompts: ["prompt"], times: COMPLETIONS },
    terminal: "stop",
    tokenLimits: TOKEN_LIMITS,
    prompt: ["input_extra", "input_prefix", "input_suffix", "prompt"],
  },
  {
    paths: ["/v1/embeddings"],
    upstream: "/v1/embeddings",
    api: "openai",
    slots: { prompts: ["input", "content"], times: [] },
    ...NO_ANSWER,
    prompt: ["input", "content"],
  },
  {
    paths: ["/embeddings", "/embedding"],
    upstream: "/embedding",
    api: "native",
    slots: { prompts: ["input", "content"], times: [] },
    ...NO_ANSWER,
    prompt: ["input", "content"],
  },
  {
    paths: ["/v1/rerank", "/rerank", "/reranking", "/v1/reranking"],
    upstream: "/v1/rerank",
    api: "openai",
    slots: { prompts: ["documents", "texts"], times: [] },
    ...NO_ANSWER,
    prompt: ["query", "documents", "texts"],
  },
  { paths: ["/tokenize"], upstream: "/tokenize", api: "native", ...CHEAP },
  { paths: ["/detokenize"], upstream: "/detokenize", api: "native", ...CHEAP },
  { paths: ["/apply-template"], upstream: "/apply-template", api: "native", ...CHEAP },
  { paths: ["/v1/messages/count_tokens"], upstream: "/v1/messages/count_tokens", api: "anthropic", ...CHEAP },
  {
    paths: ["/v1/chat/completions/input_tokens", "/chat/completions/input_tokens"],
    upstream: "/v1/chat/completions/input_tokens",
    api: "openai",
    ...CHEAP,
  },
  {
    paths: ["/v1/responses/input_tokens", "/responses/input_tokens"],
    upstream: "/v1/responses/input_tokens",
    api: "responses",
    ...CHEAP,
  },
];

/** Fields that the scan looks for in every body: what is rewritten, left out, measured, or names a client or session. */
const COMMON_FIELDS = [
  "model",
  "id_slot",
  "stream",
  "user",
  "service_tier",
  "priority",
  "prompt_cache_key",
  "return_progress",
];

/** The top-level fields that modeld reads from a route's bodies. */
export function scannedFields({ slots, tokenLimits, prompt }: V1Route): readonly string[] {
  const names = [...COMMON_FIELDS, ...tokenLimits, ...prompt, ...(slots?.prompts ?? []), ...(slots?.times ?? [])];
  return [...new Set(names)];
}
