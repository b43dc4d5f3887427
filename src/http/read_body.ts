import { LimitedBytesTransformStream } from "@std/streams/limited-bytes-transform-stream";
import { ModeldError } from "../errors.ts";

/**
 * The request's body as text. Never holds more than `maxBytes`.
 *
 * @param signal ends the wait; its reason is thrown
 * @throws ModeldError `invalid_request` where the body is over the limit or not UTF-8; `cancelled` where the client left
 */
export async function readBody(request: Request, maxBytes: number, signal: AbortSignal): Promise<string> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  if (request.body === null) return "";
  const bounded = request.body.pipeThrough(new LimitedBytesTransformStream(maxBytes, { error: true }), { signal });
  let bytes: Uint8Array;
  try {
    bytes = await new Response(bounded).bytes();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof RangeError) throw tooLarge(maxBytes);
    throw new ModeldError("cancelled", "the client left before its request was complete", { cause: error });
  }
  return decode(bytes);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new ModeldError("invalid_request", "the body is not valid UTF-8", { cause: error });
  }
}

function tooLarge(maxBytes: number): ModeldError {
  return new ModeldError("invalid_request", `the body is over the limit of ${maxBytes} bytes (--max-body-bytes)`);
}
