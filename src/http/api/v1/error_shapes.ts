import type { ErrorKind, ModeldError } from "../../../base/errors.ts";
import { isJsonObject, parseJson } from "../../../base/json.ts";
import { errorTable } from "../../error_table.ts";
import type { ApiShape } from "./routes.ts";

type OpenAiType =
  | "invalid_request_error"
  | "authentication_error"
  | "not_found_error"
  | "rate_limit_error"
  | "server_error"
  | "service_unavailable_error";

type AnthropicType =
  | "invalid_request_error"
  | "authentication_error"
  | "not_found_error"
  | "rate_limit_error"
  | "overloaded_error"
  | "timeout_error"
  | "api_error";

/** What a kind of failure is called by each API. */
interface V1ErrorRow {
  readonly openai: OpenAiType;
  readonly anthropic: AnthropicType;
  /** Whether the same request may succeed a little later, or elsewhere, if no generation has begun. */
  readonly passes: boolean;
}

const refused = { openai: "invalid_request_error", anthropic: "invalid_request_error", passes: false } as const;
const missing = { openai: "not_found_error", anthropic: "not_found_error", passes: false } as const;
const tooMany = { openai: "rate_limit_error", anthropic: "rate_limit_error", passes: true } as const;
const failed = { openai: "server_error", anthropic: "api_error", passes: true } as const;
const timedOut = { openai: "server_error", anthropic: "timeout_error", passes: true } as const;
const unavailable = { openai: "service_unavailable_error", anthropic: "overloaded_error", passes: true } as const;
// This modeld cannot serve it as it is configured, another one behind the same gateway may.
const unusable = { openai: "service_unavailable_error", anthropic: "api_error", passes: true } as const;

/** contract-v1's tables; a kind without a row does not compile. Statuses are those of `errorTable`. */
export const v1ErrorTable: Readonly<Record<ErrorKind, V1ErrorRow>> = {
  invalid_request: refused,
  upstream_invalid: refused,
  unauthorized: { openai: "authentication_error", anthropic: "authentication_error", passes: false },
  forbidden_host: refused,
  model_forbidden: refused,
  model_not_found: missing,
  not_found: missing,
  method_not_allowed: refused,
  body_timeout: { openai: "invalid_request_error", anthropic: "timeout_error", passes: true },
  unsupported_media_type: refused,
  overloaded: unavailable,
  client_limit: tooMany,
  rate_limited: tooMany,
  queue_full: tooMany,
  wait_timeout: tooMany,
  upstream_error: failed,
  protocol: failed,
  truncated: failed,
  answer_too_large: failed,
  first_token_timeout: timedOut,
  idle_timeout: timedOut,
  llama_timeout: timedOut,
  infer_timeout: timedOut,
  write_timeout: timedOut,
  not_configured: unusable,
  unreachable: unavailable,
  loading: unavailable,
  load_failed: unusable,
  upstream_refused: unusable,
  shutting_down: unavailable,
  insufficient_vram: { ...unusable, passes: false },
  internal: failed,
  cancelled: { openai: "server_error", anthropic: "api_error", passes: false },
};

/** The JSON body of an error before the first byte. */
export function errorBody(api: ApiShape, error: ModeldError, requestId: string): string {
  return JSON.stringify(api === "anthropic" ? anthropicError(error, requestId) : { error: openAiError(error) });
}

/**
 * The last event of a stream that fails after its first byte. OpenAI's SDK raises on an event of any name whose data has an
 * `error`, Anthropic's on an event named `error`. What llama-server said itself goes on with all its fields.
 */
export function errorEvent(api: ApiShape, error: ModeldError, requestId: string): string {
  const name = api === "anthropic" || api === "responses" ? "event: error\n" : "";
  const said = error.reply === undefined ? undefined : parseJson(error.reply.body);
  if (isJsonObject(said) && isJsonObject(said["error"])) return `${name}data: ${JSON.stringify(said)}\n\n`;
  switch (api) {
    case "openai":
    case "native":
      return `data: ${errorBody(api, error, requestId)}\n\n`;
    case "anthropic":
      return `event: error\ndata: ${errorBody(api, error, requestId)}\n\n`;
    case "responses": {
      // The Responses API has the fields at the top level, its own SDK looks for `error`.
      const details = openAiError(error);
      const { code, message, param } = details;
      return `event: error\ndata: ${JSON.stringify({ type: "error", code, message, param, error: details })}\n\n`;
    }
  }
}

/**
 * What tells SDKs whether to send the request again, and when. `x-should-retry: true` overrides an SDK's own rules, so it is
 * sent only where the same request may succeed; a refusal for good says `false`, as does all that may have begun.
 */
export function retryHeaders(error: ModeldError): Record<string, string> {
  if (error.begun === "maybe" || !v1ErrorTable[error.kind].passes) return { "x-should-retry": "false" };
  const seconds = error.retryAfterSeconds;
  if (seconds === undefined) return { "x-should-retry": "true" };
  return { "x-should-retry": "true", "retry-after": `${seconds}`, "retry-after-ms": `${seconds * 1_000}` };
}

/**
 * The whole reply to a request that failed before its first byte. What llama-server answered itself passes unchanged; what
 * is no JSON comes from something in front of it, and no client could read it.
 */
export function errorReply(api: ApiShape, error: ModeldError, requestId: string): Response {
  const { kind } = error;
  const reply = isJsonObject(parseJson(error.reply?.body ?? "")) ? error.reply : undefined;
  const headers: Record<string, string> = {
    "Content-Type": reply?.contentType || "application/json",
    ...retryHeaders(error),
  };
  if (kind === "unauthorized") headers["WWW-Authenticate"] = 'Bearer realm="modeld"';
  if (reply === undefined) {
    return new Response(errorBody(api, error, requestId), { status: errorTable[kind].status, headers });
  }
  return new Response(reply.body, { status: reply.status, headers });
}

function openAiError({ kind, message }: ModeldError) {
  return { message, type: v1ErrorTable[kind].openai, param: null, code: kind };
}

function anthropicError({ kind, message }: ModeldError, requestId: string): object {
  return { type: "error", error: { type: v1ErrorTable[kind].anthropic, message }, request_id: requestId };
}
