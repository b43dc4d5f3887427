import { type ErrorDetails, ModeldError, type UpstreamReply } from "../base/errors.ts";
import { isJsonObject, type JsonObject, parseJson } from "../base/json.ts";

/** The longest part of a server's text that goes into a message, in characters. */
const LONGEST_EXCERPT = 300;

/** The longest word (an error's `type`, a finish reason) that is taken over from a server, in characters. */
const LONGEST_WORD = 256;

/** The longest error of llama-server that is kept to be passed on as it came, in characters. */
const LONGEST_REPLY = 64 * 1024;

/** The statuses by which llama-server refuses the request itself. */
const REFUSALS: ReadonlySet<number> = new Set([400, 413, 422]);

/** A reply of llama-server that was read to its end. */
export interface Reply {
  /** What was asked, such as `GET /props`. */
  readonly endpoint: string;
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** What llama-server says about a failure. */
interface Statement {
  readonly message: string;
  /** Its own word for the kind of failure, such as `exceed_context_size_error`. */
  readonly type?: string;
  /** The HTTP status that it gives the failure. */
  readonly code?: number;
}

/** As much of a server's text as belongs in a message. */
export function excerpt(text: string): string {
  const trimmed = text.trim();
  return trimmed.length > LONGEST_EXCERPT ? `${trimmed.slice(0, LONGEST_EXCERPT)}...` : trimmed;
}

/** A word of a server's, cut where it is longer than any word should be. */
export function clipWord(word: string): string {
  return word.length > LONGEST_WORD ? word.slice(0, LONGEST_WORD) : word;
}

/** Whether the status means that this build of llama-server has no such endpoint. */
export function isMissing(status: number): boolean {
  return status === 404 || status === 405 || status === 501;
}

/** Whether the error says that the server has no such endpoint, or none that is turned on. Nothing has begun then. */
export function lacksEndpoint({ kind, reply }: ModeldError): boolean {
  return kind === "upstream_refused" && reply !== undefined && isMissing(reply.status);
}

/** The message about a failure of this operation; that of a generation begins as the public contract has it. */
export function messageOf(operation: string, text: string): string {
  return operation === "generate" ? `adapter generate: ${text}` : text;
}

/** The failure of an exchange whose answer cannot be understood. `what` follows "llama-server sent". */
export function protocolError(what: string, cause?: unknown): ModeldError {
  return new ModeldError("protocol", `adapter generate: llama-server sent ${what}`, { cause });
}

/** As `protocolError`, with the `text` that was sent: for the client alone, as it may be generated text. */
export function notUnderstood(what: string, text: string, cause?: unknown): ModeldError {
  const { message } = protocolError(what);
  return new ModeldError("protocol", `${message}: ${excerpt(text)}`, { cause, logMessage: message });
}

/** An answer of 200 that holds something else than it should. */
export function replyNotUnderstood(operation: string, reply: Reply): ModeldError {
  return new ModeldError(
    "protocol",
    messageOf(operation, `${reply.endpoint} answered what is not understood: ${excerpt(reply.body)}`),
  );
}

/** What stands in the place of the key. */
const MASK = "***";
/** A piece of the key that is shorter than this tells nothing. */
const SHORTEST_PIECE = 4;

/** Makes errors of what one llama-server says about failures. Its API key is masked: some builds and proxies quote it. */
export class Failures {
  /** The keys as they may stand in a text: as they are, and as JSON has them. */
  #forms: readonly string[] = [];
  #hidden: string | undefined;

  /** Masks this key from now on, and the one before it, with which requests may still run. */
  hide(apiKey: string): void {
    if (apiKey === this.#hidden) return;
    const before = this.#hidden === undefined ? [] : formsOf(this.#hidden);
    this.#forms = [...new Set([...formsOf(apiKey), ...before])];
    this.#hidden = apiKey;
  }

  /** The error, or the same one without the key in its words. */
  masked(error: ModeldError): ModeldError {
    const quotes = (text = "") => this.#mask(text) !== text;
    const isClean = !quotes(error.message) && !quotes(error.upstreamType) && !quotes(error.reply?.body);
    return isClean ? error : error.reworded((text) => this.#mask(text));
  }

  /**
   * The error that a reply other than 2xx means, in the words of the public contract, with the reply itself.
   *
   * @param operation what modeld was doing, for the message.
   */
  ofReply(operation: string, { endpoint, status, contentType, body: unmasked }: Reply): ModeldError {
    const body = this.#mask(unmasked);
    const statement = readStatement(body);
    const said = statement.message === "" ? `${status}` : `${status}: ${statement.message}`;
    const details: ErrorDetails = {
      ...upstreamType(statement),
      ...replyDetail({ status, contentType, body }),
    };
    if (REFUSALS.has(status)) {
      const message = statement.message || `llama-server refused the request (${status})`;
      return new ModeldError("upstream_invalid", message, details);
    }
    if (status === 401 || status === 403) {
      return new ModeldError(
        "upstream_refused",
        `llama-server refused the key (${said}); give the one it was started with (--llama-api-key or --llama-api-key-file)`,
        details,
      );
    }
    if (isMissing(status)) {
      return new ModeldError(
        "upstream_refused",
        `llama-server has no ${endpoint} (${said}); check --llama-url and llama-server's version`,
        details,
      );
    }
    if (status >= 300 && status < 400) {
      return new ModeldError(
        "upstream_refused",
        `llama-server redirects ${endpoint} (${status}); give --llama-url the address it redirects to`,
      );
    }
    // Its own 503 proves that nothing was begun. One that is not its own (a proxy's) proves nothing.
    if (status === 503 && statement.type !== undefined) {
      return new ModeldError("loading", `llama-server is not ready: ${statement.message}`, details);
    }
    return new ModeldError("upstream_error", messageOf(operation, `${endpoint} failed (${said})`), details);
  }

  /** The error that an event of a stream reports; its data is in the error's `reply`. */
  ofEvent(data: string): ModeldError {
    const body = this.#mask(data);
    const statement = readStatement(body);
    const { code } = statement;
    const status = code !== undefined && Number.isInteger(code) && code >= 400 && code <= 599 ? code : 500;
    const details: ErrorDetails = {
      begun: "maybe",
      ...upstreamType(statement),
      ...replyDetail({ status, contentType: "application/json", body }),
    };
    const message = statement.message === "" ? "llama-server reported an error without a message" : statement.message;
    return REFUSALS.has(status)
      ? new ModeldError("upstream_invalid", message, details)
      : new ModeldError("upstream_error", `adapter generate: ${message}`, details);
  }

  #mask(text: string): string {
    let masked = text;
    for (const form of this.#forms) {
      masked = masked.replaceAll(form, MASK);
      // An excerpt may end in the midst of it.
      for (let length = form.length - 1; length >= SHORTEST_PIECE; length--) {
        masked = masked.replaceAll(`${form.slice(0, length)}...`, `${MASK}...`);
      }
    }
    return masked;
  }
}

function formsOf(apiKey: string): readonly string[] {
  return [apiKey, JSON.stringify(apiKey).slice(1, -1)];
}

function upstreamType({ type }: Statement): ErrorDetails {
  return type === undefined ? {} : { upstreamType: type };
}

function replyDetail(reply: UpstreamReply): ErrorDetails {
  return reply.body.length > LONGEST_REPLY ? {} : { reply };
}

/** Objects that wrap an error in each other; a failed response of OpenAI's API has the most. */
const DEEPEST_WRAPPING = 4;

/** Reads `{"error":{"message","type","code"}}`, `{"error":"message"}`, `{"message",...}` or plain text. */
function readStatement(text: string): Statement {
  let value = parseJson(text);
  for (let depth = 0; depth < DEEPEST_WRAPPING && isJsonObject(value); depth++) {
    const inner: unknown = value["error"] ?? failedResponse(value);
    if (inner === undefined || inner === null) break;
    value = inner;
  }
  if (typeof value === "string") return { message: excerpt(value) };
  if (!isJsonObject(value) || typeof value["message"] !== "string") return { message: excerpt(text) };
  const { message, type, code } = value;
  return {
    message: excerpt(message),
    ...(typeof type === "string" ? { type: clipWord(type) } : {}),
    ...(typeof code === "number" ? { code } : {}),
  };
}

/** `response` of OpenAI's `response.failed`. */
function failedResponse(value: JsonObject): unknown {
  return value["type"] === "response.failed" ? value["response"] : undefined;
}
