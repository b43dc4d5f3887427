import { systemClock } from "../base/clock.ts";
import type { Configuration } from "../config/load.ts";
import { resolveBySystem } from "../upstream/discovery.ts";
import { describeFleetResult, runFleetPreflight } from "../upstream/fleet_preflight.ts";
import { ConfiguredServers } from "./configured_servers.ts";
import { clearProgress, print, showProgress } from "./print.ts";
import { startupWarnings } from "./startup_warnings.ts";

/** Runs the preflight and prints what it finds; the exit code is 0 if nothing is NOT OK on any server, else 1. */
export async function check(configuration: Configuration): Promise<number> {
  const { settings } = configuration;
  const connections = new Map<string, () => void>();
  const servers = new ConfiguredServers(
    configuration,
    {
      add: ({ name, connection }) => connections.set(name, () => connection.close()),
      remove: () => {}, // a name is asked until it is known, and not again
      explainAbsence: () => {}, // the preflight says so
    },
    systemClock,
    resolveBySystem,
  );
  const { signal } = new AbortController();
  for (const warning of startupWarnings(configuration)) print(`warning: ${warning}\n`);
  try {
    await servers.lookUp(settings.preflightWait, signal);
    const { isWell } = await runFleetPreflight({
      servers: servers.present(),
      ...(settings.defaultModel === undefined ? {} : { defaultModel: settings.defaultModel }),
      wait: settings.preflightWait,
      clock: systemClock,
      onResult(result) {
        clearProgress();
        print(`${describeFleetResult(result)}\n`);
      },
      onWaiting: showProgress,
    }, signal);
    return isWell ? 0 : 1;
  } finally {
    servers.close();
    for (const close of connections.values()) close();
  }
}
