import type { ErrorKind } from "../../../base/errors.ts";

/** What the API description says of one kind of error. */
export interface ErrorMeaning {
  readonly when: string;
  /** A message as modeld sends it; `tests/http/api/docs/error_examples_test.ts` provokes each and compares. */
  readonly example: string;
}

/** Every kind that a client can be told of. */
export const errorMeanings: Readonly<Record<Exclude<ErrorKind, "cancelled">, ErrorMeaning>> = {
  invalid_request: {
    when:
      "The body is not JSON, is cut, too large or fails validation (the message names the field), or `Host` is no host name.",
    example: "prompt is required",
  },
  upstream_invalid: {
    when: "llama-server refused the request; the message is its own.",
    example: "the request exceeds the available context size. try increasing the context size or enable context shift",
  },
  unauthorized: {
    when: "modeld asks for a key, and the request has none that it knows.",
    example: "an API key is required: send it as Authorization: Bearer <key>, or x-api-key",
  },
  forbidden_host: {
    when: "modeld listens on loopback without keys and does not know the name in `Host`.",
    example: "modeld does not answer to the name chat.example: allow it with --allowed-hosts chat.example, or set keys",
  },
  model_forbidden: {
    when: "The client's entry in the configuration does not name the model.",
    example: "chat may not use the model qwen3",
  },
  model_not_found: {
    when: "llama-server has no such model, or the request named none and there is no default.",
    example: "model not found: mistral; GET /models lists those that llama-server has",
  },
  not_found: {
    when: "There is no such path.",
    example: "no such path: /nowhere; there are /healthz, /readyz, /infer, ...",
  },
  method_not_allowed: {
    when: "The path does not take this method; `Allow` says which it takes.",
    example: "GET is not allowed on /infer; allowed: POST",
  },
  body_timeout: {
    when: "The request's body did not arrive in time.",
    example: "the request body did not arrive within 10000 ms (--body-timeout)",
  },
  unsupported_media_type: {
    when: "The body is not declared as JSON, or has a `Content-Encoding`.",
    example: "Content-Type must be application/json",
  },
  overloaded: {
    when: "modeld answers as many requests, or holds as many bytes, as it may, or has no file descriptor left.",
    example: "4096 requests are being answered, the limit (--max-concurrent-requests)",
  },
  client_limit: {
    when: "This client runs as many inferences as it may.",
    example: "4 of your inferences run, the limit (--max-inflight-per-client); wait for one to end",
  },
  rate_limited: {
    when: "The client has used its requests or tokens of a minute.",
    example: "chat has used its 600 requests a minute; try again in 1 s",
  },
  queue_full: {
    when: "As many requests wait for the model as may.",
    example: "too busy: tiny: 32 of 32 requests waiting, 4 of 4 slots in use",
  },
  wait_timeout: {
    when: "No slot became free within max-wait.",
    example: "too busy: tiny: no slot within 30000 ms, 4 of 4 slots in use, 3 more requests waiting",
  },
  upstream_error: {
    when: "llama-server failed, or was lost while it answered.",
    example: "adapter generate: POST /v1/completions failed (500: failed to decode)",
  },
  protocol: {
    when: "llama-server sent what modeld cannot understand.",
    example: "adapter generate: llama-server sent text outside its stream: proxy error: Failed to read connection",
  },
  truncated: {
    when: "llama-server's stream ended before llama-server said that the answer is whole.",
    example: "adapter generate: llama-server ended its answer before it was finished",
  },
  answer_too_large: {
    when: "The answer's text grew beyond the limit, and modeld stopped llama-server.",
    example: "the answer is over the limit of 16777216 bytes (--max-answer-bytes), so it was stopped",
  },
  first_token_timeout: {
    when: "llama-server sent no token within the first-token deadline.",
    example: "llama-server was silent for 20000 ms before its first token (--llama-first-token-timeout)",
  },
  idle_timeout: {
    when: "llama-server sent nothing for as long as the idle deadline.",
    example: "llama-server was silent for 10000 ms between tokens (--llama-idle-timeout)",
  },
  llama_timeout: {
    when: "The request to llama-server took longer than its deadline.",
    example: "llama-server did not finish its answer within 30000 ms (--llama-timeout)",
  },
  infer_timeout: {
    when: "The whole request took longer than its deadline.",
    example: "not done 60000 ms after arrival (--infer-timeout)",
  },
  write_timeout: {
    when: "The client took no byte for too long.",
    example: "the client took nothing for 60000 ms (--write-timeout)",
  },
  not_configured: {
    when: "modeld runs without a llama-server.",
    example: "llama adapter not initialized: set --llama-url or LLAMA_URL",
  },
  unreachable: {
    when: "llama-server cannot be reached.",
    example:
      "llama-server at http://127.0.0.1:8081 cannot be reached (tcp connect error: Connection refused (os error 111)): is it running, and is --llama-url right?",
  },
  loading: {
    when: "The model was not ready within max-wait.",
    example: "model not ready within 30000 ms: tiny is loading",
  },
  load_failed: {
    when: "The model failed to load; the message has the reason.",
    example: "model failed to load: tiny: the model's process ended with exit code 1; llama-server's log says why",
  },
  upstream_refused: {
    when: "llama-server refuses modeld: its key is wrong, or its version does not fit.",
    example:
      "llama-server refused the key (401: Invalid API Key); give the one it was started with (--llama-api-key or --llama-api-key-file)",
  },
  shutting_down: { when: "modeld is stopping.", example: "modeld is stopping; ask again" },
  internal: { when: "modeld itself failed; its log says more.", example: "internal error; modeld's log says more" },
  insufficient_vram: {
    when: "The model does not fit into the VRAM budget.",
    example:
      "no room for model tiny: it needs an estimated 9000 MB and 500 MB are kept free, but the budget is 8000 MB; raise --vram-budget-mb",
  },
};
