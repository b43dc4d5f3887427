import { ModeldError } from "../errors.ts";

/** Levels of objects and arrays that a request body may have; the public API needs two. */
export const MAX_JSON_DEPTH = 32;

/**
 * Refuses a value nested deeper than `MAX_JSON_DEPTH`.
 *
 * @throws ModeldError `invalid_request` that names the top-level field
 */
export function checkDepth(body: unknown): void {
  if (typeof body !== "object" || body === null) return;
  for (const [field, value] of Object.entries(body)) {
    if (isDeeper(value, MAX_JSON_DEPTH - 1)) {
      throw new ModeldError("invalid_request", `${field} is nested deeper than ${MAX_JSON_DEPTH} levels`);
    }
  }
}

/** Recurses at most `levels` deep. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
