import { hidden } from "./kinds.ts";
import type { Configuration } from "./load.ts";
import { describeSource, type Setting } from "./setting.ts";
import { settingNames, settingsTable } from "./settings_table.ts";

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

/**
 * What `--print-config` prints: every effective value and where it came from, as YAML that gives the same settings when
 * it is used as a config file. What a file cannot hold or must not show (secrets) stands in comments.
 */
export function printConfig({ settings, sources, clients, servers }: Configuration): string {
  const lines = settingNames.map((name) => {
    const setting: Setting<unknown> = settingsTable[name];
    const value = settings[name];
    const shown = setting.key === undefined || value === undefined || isHidden(setting, value)
      ? `# ${setting.title}: ${showValue(setting, value)}`
      // JSON is YAML, and quotes whatever needs it.
      : `${setting.key}: ${JSON.stringify(setting.kind.toFile(value))}`;
    return [shown, describeSource(sources[name])] as const;
  });
  const names = clients.map(({ name }) => name).join(", ");
  if (names !== "") lines.push([`# clients: ${names}`, "their keys and terms stay where they are"]);
  const listed = servers.flatMap(({ written }) => written ?? []);
  if (listed.length > 0) lines.push([`servers: ${JSON.stringify(listed)}`, `key servers of ${settings.config}`]);
  const width = Math.min(60, Math.max(...lines.map(([shown]) => shown.length)));
  return lines.map(([shown, source]) => `${shown.padEnd(width)}  # ${source}\n`).join("");
}
