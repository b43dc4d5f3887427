import type { ErrorKind } from "../../../base/errors.ts";

/** What the API description says of one kind of error. */
export interface ErrorMeaning {
  readonly when: string;
  /** A message as modeld sends it. */
  readonly example: string;
}

/** Every kind that a client can be told of. */
export const errorMeanings: Readonly<Record<Exclude<ErrorKind, "cancelled">, ErrorMeaning>> = {
  invalid_request: {
    when:
      "The body is not JSON, is cut, over the limit or fails validation (the message names the field); or `Host` is no host.",
    example: "prompt is required",
  },
  upstream_invalid: {
    when: "llama-server refuses the request itself, with its own message.",
    example: "the request exceeds the available context size",
  },
  unauthorized: { when: "Keys are set and none matches.", example: "no valid API key" },
  forbidden_host: {
    when: "modeld listens on loopback without keys and does not know the name in `Host`.",
    example: "modeld does not answer to the name chat.example: allow it with --allowed-hosts chat.example, or set keys",
  },
  model_forbidden: {
    when: "The client's entry in the configuration does not name the model.",
    example: "chat may not use the model qwen3",
  },
  model_not_found: {
    when: "The model is not on llama-server's list; or none was named and there is no default.",
    example: "model not found: mistral",
  },
  not_found: { when: "There is no such path.", example: "no such path: /nowhere" },
  method_not_allowed: {
    when: "The path has no such method; `Allow` says which it has.",
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
    when: "modeld answers as many requests as it may, or has no file descriptor left.",
    example: "4096 requests are being answered, the limit (--max-concurrent-requests)",
  },
  client_limit: {
    when: "As many inferences of this client run as may.",
    example: "4 of your inferences run, the limit (--max-inflight-per-client); wait for one to end",
  },
  rate_limited: {
    when: "The client has used its requests or tokens of a minute.",
    example: "chat has used its 600 requests a minute; try again in 1 s",
  },
  queue_full: { when: "As many requests wait for the model as may.", example: "too busy: tiny (32 of 32 wait)" },
  wait_timeout: {
    when: "No slot became free within max-wait.",
    example: "too busy: tiny (waited 30000 ms for one of 4 slots)",
  },
  upstream_error: {
    when: "llama-server failed.",
    example: "adapter generate: llama-server answered 500: failed to decode",
  },
  protocol: {
    when: "llama-server sent what cannot be understood.",
    example: "adapter generate: llama-server sent an event that is not JSON",
  },
  truncated: {
    when: "llama-server's stream ended without saying that it is complete.",
    example: "adapter generate: the stream ended before its end",
  },
  answer_too_large: {
    when: "The answer's text grew over the limit; llama-server was told to stop.",
    example: "adapter generate: the answer is over the limit of 16777216 bytes (--max-answer-bytes), so it was stopped",
  },
  first_token_timeout: {
    when: "llama-server took longer than the first-token deadline to begin.",
    example: "adapter generate: no token within 20000 ms (--llama-first-token-timeout)",
  },
  idle_timeout: {
    when: "llama-server was silent for longer than the idle deadline.",
    example: "adapter generate: nothing for 10000 ms (--llama-idle-timeout)",
  },
  llama_timeout: {
    when: "The request to llama-server took longer than its deadline.",
    example: "adapter generate: not done within 30000 ms (--llama-timeout)",
  },
  infer_timeout: {
    when: "The whole request took longer than its deadline.",
    example: "not done 60000 ms after arrival (--infer-timeout)",
  },
  write_timeout: {
    when: "The client took no byte for too long.",
    example: "the client took nothing for 60000 ms (--write-timeout)",
  },
  not_configured: { when: "modeld runs without a llama-server.", example: "llama adapter not initialized" },
  unreachable: {
    when: "llama-server cannot be reached.",
    example: "llama-server at http://127.0.0.1:8081 refuses connections",
  },
  loading: { when: "The model is not ready within max-wait.", example: "model tiny is loading" },
  load_failed: {
    when: "The model failed to load, with the reason.",
    example: "model tiny failed to load: exit code 1",
  },
  upstream_refused: {
    when: "llama-server refuses modeld: wrong key, or a version that does not fit.",
    example: "llama-server answered 401: check --llama-api-key",
  },
  shutting_down: { when: "modeld is stopping.", example: "modeld is stopping; ask again" },
  internal: { when: "modeld itself failed; its log says more.", example: "internal error; modeld's log says more" },
  insufficient_vram: {
    when: "The model does not fit into the VRAM budget.",
    example: "model big needs 9000 MB, the budget is 8000 MB",
  },
};
