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
  for (const name of ["apiKeyFile", "llamaApiKeyFile"] as const) {
    const path = settings[name];
    if (path !== undefined && mayBeReadByAll(path)) {
      warnings.push(`everyone on this machine may read the keys in ${path}: chmod o-r ${path}`);
    }
  }
  return warnings;
}

/** Whether any user may read the file; never so where the system has no such permissions. */
function mayBeReadByAll(path: string): boolean {
  const othersMayRead = 0o004;
  try {
    return ((Deno.statSync(path).mode ?? 0) & othersMayRead) !== 0;
  } catch {
    return false; // it has just been read, so it is gone since: there is nothing to warn of
  }
}
