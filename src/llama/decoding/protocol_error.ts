import { ModeldError } from "../../errors.ts";

/** The failure of a generation whose answer cannot be understood. `what` goes on after "llama-server sent". */
export function protocolError(what: string, cause?: unknown): ModeldError {
  return new ModeldError("protocol", `adapter generate: llama-server sent ${what}`, { cause });
}
