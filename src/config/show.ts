import { hidden } from "./kinds.ts";
import type { Setting } from "./setting.ts";

/** A value in a few words for people: `30s`, `GET, POST`, `none`. Masked where it is secret. */
export function showValue(setting: Setting<unknown>, value: unknown): string {
  if (value === undefined) return "none";
  const written = setting.kind.toFile(value);
  if (typeof written === "object") {
    const items = Array.isArray(written) ? written : Object.entries(written).map((entry) => entry.join("="));
    return items.length === 0 ? "none" : masked(setting, items.join(","));
  }
  return masked(setting, String(written));
}

/** What a setting is when nobody sets it. */
export function showDefault(setting: Setting<unknown>): string {
  return setting.defaultNote ?? showValue(setting, setting.default);
}

/** Whether a value must not be shown as it is. */
export function isHidden(setting: Setting<unknown>, value: unknown): boolean {
  return value !== undefined && setting.kind.mask?.(String(setting.kind.toFile(value))) === hidden;
}

function masked({ kind }: Setting<unknown>, text: string): string {
  return kind.mask === undefined ? text : kind.mask(text);
}
