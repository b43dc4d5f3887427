import { LimitedBytesTransformStream } from "@std/streams/limited-bytes-transform-stream";
import { untilAborted } from "../base/abort.ts";
import type { Deadlines } from "../base/deadlines.ts";
import { ModeldError } from "../base/errors.ts";
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
  const { signal, timeline } = inference;
  const deadline = deadlines.set(() => inference.abort(bodyTooLate(deadlines.ms)));
  try {
    const body = await readBytes(request, maxBytes, setting, signal);
    timeline.bodyRead();
    return body;
  } catch (error) {
    throw context.connectionClosing ? lostBody(error) : error;
  } finally {
    deadline.clear();
  }
}

async function readBytes(
  request: Request,
  maxBytes: number,
  setting: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  signal.throwIfAborted();
  const tooLarge = () => new ModeldError("invalid_request", `the body is over the limit of ${maxBytes} bytes (${setting})`);
  const declared = request.headers.get("content-length");
  if (Number(declared ?? 0) > maxBytes) throw tooLarge();
  try {
    // HTTP ends a body at its declared length, so only one without needs to be counted.
    const bytes = declared === null ? bounded(request, maxBytes, signal).bytes() : request.bytes();
    return await untilAborted(bytes, signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof RangeError) throw tooLarge();
    // Deno reports a client that left by the same error; a 400 does no harm where nobody is left to read it.
    throw new ModeldError("invalid_request", "the body ended early, or its chunks are malformed", { cause: error });
  }
}

function bounded({ body }: Request, maxBytes: number, signal: AbortSignal): Response {
  return new Response(
    body?.pipeThrough(new LimitedBytesTransformStream(maxBytes, { error: true }), { signal }) ?? null,
  );
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
