import { LimitedBytesTransformStream } from "@std/streams/limited-bytes-transform-stream";
import { ModeldError } from "../errors.ts";

/**
 * The request's body as text. Never holds more than `maxBytes`.
 *
 * @param signal ends the wait; its reason is thrown
 * @throws ModeldError `invalid_request` where the body is over the limit or not UTF-8; `cancelled` where the client left
 */
export async function readBody(request: Request, maxBytes: number, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  const length = request.headers.get("content-length");
  if (Number(length) > maxBytes) throw tooLarge(maxBytes);
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  try {
    return decode(
      await Promise.race([length === null ? bounded(request, maxBytes, signal) : request.bytes(), aborted.promise]),
    );
  } catch (error) {
    if (error instanceof ModeldError) throw error;
    throw new ModeldError("cancelled", "the client left before its request was complete", { cause: error });
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** The bytes of a body that did not say its length. */
async function bounded(request: Request, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array();
  const limited = request.body.pipeThrough(new LimitedBytesTransformStream(maxBytes, { error: true }), { signal });
  try {
    return await new Response(limited).bytes();
  } catch (error) {
    throw error instanceof RangeError ? tooLarge(maxBytes) : error;
  }
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
