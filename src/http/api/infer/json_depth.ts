import { clip } from "../../../base/clip.ts";
import { ModeldError } from "../../../base/errors.ts";

/**
 * Refuses a body whose objects and arrays are nested deeper than `maxDepth` levels. JSON.parse itself takes any depth.
 *
 * @throws ModeldError `invalid_request` that names the top-level field
 */
export function checkDepth(body: unknown, maxDepth: number): void {
  // An array is refused for what it is; its places are no fields.
  if (typeof body !== "object" || body === null || Array.isArray(body)) return;
  for (const [field, value] of Object.entries(body)) {
    if (isDeeper(value, maxDepth - 1)) {
      throw new ModeldError("invalid_request", `${clip(field)} is nested deeper than ${maxDepth} levels`);
    }
  }
}

/** Recurses at most `levels` deep. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
