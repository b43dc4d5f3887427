import { isLoopback } from "../config/address.ts";
import type { Configuration } from "../config/load.ts";
import { describeSource } from "../config/setting.ts";
import { settingNames, settingsTable } from "../config/settings_table.ts";

/** What is allowed and yet probably not meant; one line each, logged once at start. */
export function startupWarnings(
  { settings, sources, clients, warnings: found }: Configuration,
): readonly string[] {
  const warnings = [...found];
  for (const name of settingNames) {
    const { deprecated, title } = settingsTable[name];
    if (deprecated === undefined || sources[name].from === "default") continue;
    warnings.push(`${title} (${describeSource(sources[name])}) is deprecated and ignored: ${deprecated}`);
  }
  if (settings.corsEnabled && settings.corsOrigins.length === 0) {
    warnings.push("CORS is enabled and no origin is allowed: set --cors-origins");
  }
  if (!isLoopback(settings.addr) && clients.length === 0) {
    warnings.push("everyone who reaches this address may use modeld: set --api-key-file, or listen on 127.0.0.1");
  }
  return warnings;
}
