import type { Setting } from "./setting.ts";

/** A value, with a problem beside it where there is one. */
export interface Expanded {
  readonly value: unknown;
  readonly problem?: string;
}

/** Replaces a leading `~` of a path with the home folder; other values stay as they are. */
export function expandHome(setting: Setting<unknown>, value: unknown, home: string | undefined): Expanded {
  if (setting.kind.isPath === undefined || typeof value !== "string" || !value.startsWith("~")) return { value };
  if (!/^~([/\\]|$)/.test(value)) return { value, problem: "names another user's home folder: write the whole path" };
  // The default may be missing, with or without a home folder.
  if (home === undefined && value === setting.default) return { value };
  if (home === undefined) return { value, problem: "needs a home folder, and HOME is not set: write the whole path" };
  return { value: home + value.slice(1) };
}
