import { ModeldError } from "../../base/errors.ts";
import { excerpt } from "../excerpt.ts";

/** The failure of a generation whose answer cannot be understood. `what` goes on after "llama-server sent". */
export function protocolError(what: string, cause?: unknown): ModeldError {
  return new ModeldError("protocol", `adapter generate: llama-server sent ${what}`, { cause });
}

/** As `protocolError`, with the `text` that was sent: for the client alone, as it may be generated text. */
export function notUnderstood(what: string, text: string, cause?: unknown): ModeldError {
  const { message } = protocolError(what);
  return new ModeldError("protocol", `${message}: ${excerpt(text)}`, { cause, logMessage: message });
}
