import { clip } from "../clip.ts";
import { ModeldError } from "../errors.ts";
import { excerpt } from "./excerpt.ts";
import { isJsonObject, parseJson } from "./json.ts";

/** What llama-server says about a failure, in a reply's body or in an event of a stream. */
export interface UpstreamFailure {
  readonly message: string;
  /** Its own word for the kind of failure, such as `exceed_context_size_error`. */
  readonly type?: string;
  /** The HTTP status that it gives the failure. */
  readonly code?: number;
}

/** Reads `{"error":{"message","type","code"}}`, `{"error":"message"}`, `{"message",...}` or plain text. */
export function readUpstreamFailure(text: string): UpstreamFailure {
  return describe(parseJson(text)) ?? { message: excerpt(text) };
}

/** The failure that an event of a stream reports. */
export function streamFailure(failure: UpstreamFailure): ModeldError {
  const details = failure.type === undefined ? {} : { upstreamType: failure.type };
  const message = failure.message === "" ? "llama-server reported an error without a message" : failure.message;
  return failure.code !== undefined && REFUSALS.has(failure.code)
    ? new ModeldError("upstream_invalid", message, details)
    : new ModeldError("upstream_error", `adapter generate: ${message}`, details);
}

/** The statuses by which llama-server refuses the request itself. */
export const REFUSALS: ReadonlySet<number> = new Set([400, 413, 422]);

/** Errors within errors that are looked into; what is nested deeper is quoted as it is. */
const DEEPEST = 4;

function describe(outermost: unknown): UpstreamFailure | undefined {
  let value = outermost;
  for (let depth = 0; depth < DEEPEST && isJsonObject(value); depth++) {
    const inner = value["error"];
    if (inner === undefined || inner === null) break;
    value = inner;
  }
  if (typeof value === "string") return { message: excerpt(value) };
  if (!isJsonObject(value)) return undefined;
  const { message, type, code } = value;
  if (typeof message !== "string") return undefined;
  return {
    message: excerpt(message),
    ...(typeof type === "string" ? { type: clip(type) } : {}),
    ...(typeof code === "number" ? { code } : {}),
  };
}
