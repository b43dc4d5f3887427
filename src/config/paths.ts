import type { Parsed } from "./kinds.ts";
import type { Setting } from "./setting.ts";

/** Replaces a leading `~` of a path with the home folder; other values stay as they are. */
export function expandHome(setting: Setting<unknown>, value: unknown, home: string | undefined): Parsed<unknown> {
  if (setting.kind.isPath === undefined || typeof value !== "string") return { value };
  const expanded = expandPath(value, home);
  // The default may be missing, with or without a home folder.
  return "problem" in expanded && value === setting.default ? { value } : expanded;
}

/** The path with the home folder in the place of a leading `~`. */
export function expandPath(path: string, home: string | undefined): Parsed<string> {
  if (!path.startsWith("~")) return { value: path };
  if (!/^~([/\\]|$)/.test(path)) return { problem: "names another user's home folder: write the whole path" };
  if (home !== undefined) return { value: home + path.slice(1) };
  return { problem: "needs a home folder, and HOME is not set: write the whole path" };
}

/** Why a file could not be read, in words that say what to look at. */
export function explainReadError(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "does not exist";
  if (error instanceof Deno.errors.PermissionDenied) return "may not be read by this user";
  if (error instanceof Deno.errors.NotCapable) return "is outside of what modeld was permitted to read (--allow-read)";
  if (error instanceof Deno.errors.IsADirectory) return "is a folder, not a file";
  return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}
