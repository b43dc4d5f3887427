import { ModeldError } from "../../base/errors.ts";
import { messageOf } from "../failures.ts";
import { noDescriptorLeft, saysNoDescriptorLeft } from "./descriptors.ts";

/**
 * What a fetch that failed before the response's headers means. Deno's errors carry no code, so this one function reads
 * their text: 2.8 has it in the message, 2.9 in the message of the cause. A connection that was never made is
 * `unreachable`, or `overloaded` where modeld itself had no file descriptor left for it; anything else, known or not, may
 * have reached llama-server and is `upstream_error`.
 *
 * The caller has made sure that the failure is not its own abort.
 *
 * @param operation what modeld was doing, for the message.
 * @param server llama-server's address without secrets, for the message.
 */
export function fetchFailure(operation: string, server: string, cause: unknown): ModeldError {
  const text = textOf(cause);
  const connect = after(text, "client error (Connect): ");
  if (connect === undefined) {
    const detail = after(text, "client error (SendRequest): ") ?? text;
    return new ModeldError("upstream_error", messageOf(operation, `no answer from llama-server: ${detail}`), { cause });
  }
  // A resolver that cannot open a socket says that the name is not known.
  if (saysNoDescriptorLeft(connect) || (connect.startsWith("dns error") && noDescriptorLeft())) {
    return new ModeldError(
      "overloaded",
      "modeld has no file descriptor left to connect to llama-server: raise its limit of open files (LimitNOFILE, ulimit -n)",
      { cause, retryAfterSeconds: 1 },
    );
  }
  const remedy = connect.includes("certificate")
    ? "its certificate is not trusted; give the certificate of its CA with --llama-ca-file"
    : "is it running, and is --llama-url right?";
  return new ModeldError("unreachable", `llama-server at ${server} cannot be reached (${connect}): ${remedy}`, {
    cause,
    isRefusal: true,
  });
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function after(text: string, mark: string): string | undefined {
  const at = text.indexOf(mark);
  return at < 0 ? undefined : text.slice(at + mark.length);
}
