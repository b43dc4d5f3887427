import type { Parsed } from "./kind.ts";
import type { Setting } from "./setting.ts";

/** Replaces a leading `~` of a path with the home folder; other values stay as they are. */
export function expandHome(setting: Setting<unknown>, value: unknown, home: string | undefined): Parsed<unknown> {
  if (setting.kind.isPath === undefined || typeof value !== "string" || !value.startsWith("~")) return { value };
  if (!/^~([/\\]|$)/.test(value)) return { problem: "names another user's home folder: write the whole path" };
  if (home !== undefined) return { value: home + value.slice(1) };
  // The default may be missing, with or without a home folder.
  return value === setting.default
    ? { value }
    : { problem: "needs a home folder, and HOME is not set: write the whole path" };
}
