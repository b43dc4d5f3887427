import { ModeldError } from "../../base/errors.ts";
import { targetOf } from "../request_target.ts";

/** Limits on a request's head; 0 is no limit. Deno.serve has its own far above: about 128 headers, 64 kB of path. */
export interface RequestLimits {
  /** Headers of different names. */
  readonly maxHeaderCount: number;
  /** Characters of path and query together. */
  readonly maxPathLength: number;
}

/** @throws ModeldError `invalid_request` */
export function checkLimits(request: Request, { maxHeaderCount, maxPathLength }: RequestLimits): void {
  const length = targetOf(request.url).length;
  if (maxPathLength > 0 && length > maxPathLength) {
    refuse(`path and query have ${length} characters, the limit is ${maxPathLength} (--max-path-length)`);
  }
  if (maxHeaderCount === 0) return;
  let count = 0;
  for (const _ of request.headers) count++;
  if (count > maxHeaderCount) {
    refuse(`the request has ${count} headers, the limit is ${maxHeaderCount} (--max-header-count)`);
  }
}

/**
 * modeld decodes no bodies: a few compressed bytes may stand for gigabytes.
 *
 * @throws ModeldError `unsupported_media_type`
 */
export function checkContentEncoding({ headers }: Request): void {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (encoding === "" || encoding === "identity") return;
  throw new ModeldError("unsupported_media_type", "Content-Encoding is not supported: send the body as it is");
}

function refuse(message: string): never {
  throw new ModeldError("invalid_request", message);
}
