import { ModeldError } from "../../errors.ts";
import { noDescriptorLeft, saysNoDescriptorLeft } from "./descriptors.ts";

/**
 * What a fetch that failed before the response's headers means. Deno's errors carry no code, so this one function reads
 * their text: 2.8 has it in the message, 2.9 in the message of the cause. Only a connection that was never made is
 * `unreachable`, or `overloaded` where modeld itself could open none; whatever else, known or not, may have reached
 * llama-server and is `upstream_error`.
 *
 * The caller has made sure that the failure is not its own abort.
 *
 * @param operation what modeld was doing, for the message.
 * @param server llama-server's address without secrets, for the message.
 */
export function fetchFailure(operation: string, server: string, error: unknown): ModeldError {
  const text = textOf(error);
  const connect = after(text, "client error (Connect): ");
  if (connect === undefined) {
    const detail = after(text, "client error (SendRequest): ") ?? text;
    return new ModeldError("upstream_error", `adapter ${operation}: no answer from llama-server: ${detail}`, {
      cause: error,
    });
  }
  // A resolver that cannot open a socket says that the name is not known.
  if (saysNoDescriptorLeft(connect) || (connect.startsWith("dns error") && noDescriptorLeft())) {
    return new ModeldError("overloaded", "modeld has no file descriptor left for a connection to llama-server", {
      cause: error,
      retryAfterSeconds: 1,
    });
  }
  const remedy = connect.includes("certificate")
    ? "its certificate is not trusted; give the certificate of its CA with --llama-ca-file"
    : "is it running, and is --llama-url right?";
  return new ModeldError("unreachable", `llama-server at ${server} cannot be reached (${connect}): ${remedy}`, {
    cause: error,
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
