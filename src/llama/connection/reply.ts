import { LimitedBytesTransformStream } from "@std/streams/limited-bytes-transform-stream";
import { ModeldError } from "../../errors.ts";
import { excerpt } from "../excerpt.ts";
import { parseJson } from "../json.ts";
import { readUpstreamFailure, REFUSALS } from "../upstream_failure.ts";

/** A whole reply of llama-server, to anything but a generation. */
export interface Reply {
  /** What was asked, such as `GET /props`. */
  readonly endpoint: string;
  readonly status: number;
  readonly body: string;
}

/** More than any list of models; what is beyond it is not read. */
const REPLY_LIMIT = 16 * 1024 * 1024;

/** An error says what it has to say in far less. */
const ERROR_LIMIT = 4 * 1024 * 1024;

/** Reads a response to its end, or to the limit. */
export async function readReply(endpoint: string, response: Response): Promise<Reply> {
  const limit = response.ok ? REPLY_LIMIT : ERROR_LIMIT;
  const body = response.body?.pipeThrough(new LimitedBytesTransformStream(limit)) ?? null;
  return { endpoint, status: response.status, body: await new Response(body).text() };
}

/** Whether the status says that this build of llama-server has no such endpoint. */
export function isMissing(status: number): boolean {
  return status === 404 || status === 405 || status === 501;
}

/** The JSON that a reply holds; `undefined` where it holds none. */
export function jsonOf(reply: Reply): unknown {
  return parseJson(reply.body);
}

/**
 * The failure that a reply other than 200 means, in the words of the public contract.
 *
 * @param operation what modeld was doing, for the message.
 */
export function failureOf(operation: string, reply: Reply): ModeldError {
  const { endpoint, status } = reply;
  const failure = readUpstreamFailure(reply.body);
  const details = failure.type === undefined ? {} : { upstreamType: failure.type };
  const said = failure.message === "" ? `${status}` : `${status}: ${failure.message}`;
  if (REFUSALS.has(status)) {
    return new ModeldError(
      "upstream_invalid",
      failure.message || `llama-server refused the request (${status})`,
      details,
    );
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
  if (status === 503 && failure.type !== undefined) {
    return new ModeldError("loading", `llama-server is not ready: ${failure.message}`, details);
  }
  return new ModeldError("upstream_error", `adapter ${operation}: ${endpoint} failed (${said})`, details);
}

/** An answer of 200 that says something else than it should. */
export function notUnderstood(operation: string, reply: Reply): ModeldError {
  return new ModeldError(
    "protocol",
    `adapter ${operation}: ${reply.endpoint} answered what is not understood: ${excerpt(reply.body)}`,
  );
}
