/** Why a file could not be read, in words that say what to look at. */
export function explainReadError(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "does not exist";
  if (error instanceof Deno.errors.PermissionDenied) return "may not be read by this user";
  if (error instanceof Deno.errors.NotCapable) return "is outside of what modeld was permitted to read (--allow-read)";
  if (error instanceof Deno.errors.IsADirectory) return "is a folder, not a file";
  return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
