import { ModeldError } from "../../errors.ts";
import type { ByteShare } from "../byte_budget.ts";

/** How a body is read. */
export interface ReadBodyOptions {
  /** Its limit. */
  readonly maxBytes: number;
  /** What has arrived counts there. */
  readonly share: ByteShare;
  /** Ends the wait; its reason is thrown. */
  readonly signal: AbortSignal;
}

/** A body that declares no more is counted when it is announced and read at once, which is cheaper. */
const SHORT = 16_384;

/**
 * The request's body. Never holds more than `maxBytes`.
 *
 * @throws ModeldError `invalid_request` where the body is over the limit; `overloaded` where there is no room for it;
 * `cancelled` where the client left
 */
export async function readBody(request: Request, options: ReadBodyOptions): Promise<Uint8Array> {
  const { maxBytes, share, signal } = options;
  signal.throwIfAborted();
  const declared = request.headers.get("content-length");
  const length = declared === null ? Infinity : Number(declared);
  if (declared !== null && length > maxBytes) throw tooLarge(maxBytes);
  try {
    if (length > SHORT) return await collect(request, options);
    share.take(length);
    return await until(signal, request.bytes());
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof ModeldError) throw error;
    throw new ModeldError("cancelled", "the client left before its request was complete", { cause: error });
  }
}

/** Reads the body piece by piece, so that what has not come takes no room. */
async function collect({ body }: Request, { maxBytes, share, signal }: ReadBodyOptions): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const piece of body.pipeThrough(new TransformStream(), { signal })) {
    length += piece.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    share.take(piece.length);
    pieces.push(piece);
  }
  return await new Blob(pieces).bytes();
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

/**
 * The body as text.
 *
 * @throws ModeldError `invalid_request` where it is not UTF-8
 */
export function decodeBody(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new ModeldError("invalid_request", "the body is not valid UTF-8", { cause: error });
  }
}

function tooLarge(maxBytes: number): ModeldError {
  return new ModeldError("invalid_request", `the body is over the limit of ${maxBytes} bytes (--max-body-bytes)`);
}
