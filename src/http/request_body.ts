import { untilAborted } from "../base/abort.ts";
import type { Deadlines } from "../base/deadlines.ts";
import { ModeldError } from "../base/errors.ts";
import type { ByteShare } from "./byte_budget.ts";
import type { Inference } from "./inference.ts";
import type { RequestContext } from "./route.ts";

/** What bounds a request's body. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** The flag that sets `maxBytes`, for the message. */
  readonly setting: string;
  /** To receive it. */
  readonly deadlines: Deadlines;
}

/**
 * Receives the whole body of a JSON request. Never holds more than `maxBytes`.
 *
 * @throws ModeldError `unsupported_media_type`; `body_timeout`; `invalid_request` where it is over the limit, cut or badly
 * framed; `overloaded` where modeld had to close the connection
 */
export async function receiveBody(
  request: Request,
  context: RequestContext,
  inference: Inference,
  { maxBytes, setting, deadlines }: BodyLimits,
): Promise<Uint8Array> {
  const mediaType = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    throw new ModeldError("unsupported_media_type", "Content-Type must be application/json");
  }
  const { timeline } = inference;
  const deadline = deadlines.set(() => inference.abort(bodyTooLate(deadlines.ms)));
  try {
    const body = await readBytes(request, maxBytes, setting, inference);
    timeline.bodyRead();
    return body;
  } catch (error) {
    throw context.connectionClosing ? lostBody(error) : error;
  } finally {
    deadline.clear();
  }
}

/** A body that declares no more is counted when it is announced and read at once, which is cheaper. */
const SHORT = 16_384;

async function readBytes(
  request: Request,
  maxBytes: number,
  setting: string,
  { signal, share }: Inference,
): Promise<Uint8Array> {
  signal.throwIfAborted();
  const tooLarge = () =>
    new ModeldError("invalid_request", `the body is over the limit of ${maxBytes} bytes (${setting})`);
  const declared = request.headers.get("content-length");
  const length = declared === null ? Infinity : Number(declared);
  if (declared !== null && length > maxBytes) throw tooLarge();
  try {
    if (length > SHORT) return await collect(request, maxBytes, share, signal);
    share.take(length);
    return await untilAborted(request.bytes(), signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof ModeldError) throw error;
    if (error instanceof RangeError) throw tooLarge();
    // Deno reports a client that left by the same error; a 400 does no harm where nobody is left to read it.
    throw new ModeldError("invalid_request", "the body ended early, or its chunks are malformed", { cause: error });
  }
}

/** Reads the body piece by piece, so that what has not come takes no room. @throws RangeError over the limit */
async function collect(
  { body }: Request,
  maxBytes: number,
  share: ByteShare,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const piece of body.pipeThrough(new TransformStream(), { signal })) {
    length += piece.length;
    if (length > maxBytes) throw new RangeError();
    share.take(piece.length);
    pieces.push(piece);
  }
  return await new Blob(pieces).bytes();
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** @throws ModeldError `invalid_request` */
export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new ModeldError("invalid_request", "the body is not valid UTF-8", { cause: error });
  }
}

/** modeld has closed the connection for reasons of its own while the body was on its way (see `Listener`). */
function lostBody(cause: unknown): ModeldError {
  return new ModeldError("overloaded", "modeld had to close the connection before the body was there; ask again", {
    cause,
    retryAfterSeconds: 1,
  });
}

function bodyTooLate(ms: number): ModeldError {
  return new ModeldError("body_timeout", `the request body did not arrive within ${ms} ms (--body-timeout)`);
}
