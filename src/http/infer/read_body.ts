import { LimitedBytesTransformStream } from "@std/streams/limited-bytes-transform-stream";
import { ModeldError } from "../../errors.ts";

/**
 * The request's body as text. Never holds more than `maxBytes`.
 *
 * @param signal ends the wait; its reason is thrown
 * @throws ModeldError `invalid_request` where the body is over the limit, cut, badly framed or not UTF-8
 */
export async function readBody(request: Request, maxBytes: number, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  const declared = request.headers.get("content-length");
  if (Number(declared ?? 0) > maxBytes) throw tooLarge(maxBytes);
  let bytes: Uint8Array;
  try {
    // HTTP ends a body at its declared length, so only one without needs to be counted.
    bytes = await until(signal, declared === null ? bounded(request, maxBytes, signal).bytes() : request.bytes());
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof RangeError) throw tooLarge(maxBytes);
    // Deno tells a client that left by the same error; a 400 does no harm where nobody is left to read it.
    throw new ModeldError("invalid_request", "the body ended early, or its chunks are malformed", { cause: error });
  }
  return decode(bytes);
}

function bounded({ body }: Request, maxBytes: number, signal: AbortSignal): Response {
  return new Response(
    body?.pipeThrough(new LimitedBytesTransformStream(maxBytes, { error: true }), { signal }) ?? null,
  );
}

/** Waits for the work, or for the signal, whichever comes first. */
function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
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
