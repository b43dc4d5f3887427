import { systemClock } from "../base/clock.ts";
import type { Configuration } from "../config/load.ts";
import { resolveBySystem } from "../upstream/discovery.ts";
import { runFleetPreflight } from "../upstream/fleet_preflight.ts";
import { CheckReport } from "./check_report.ts";
import { ConfiguredServers } from "./configured_servers.ts";
import { clearProgress, print, showWaiting } from "./print.ts";
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
  const startedAt = systemClock.now();
  try {
    await servers.lookUp(settings.preflightWait, signal);
    const present = servers.present();
    const colors = Deno.stdout.isTerminal() && !Deno.noColor;
    const report = new CheckReport(present.map(({ name }) => name), print, colors);
    const found = await runFleetPreflight({
      servers: present,
      ...(settings.defaultModel === undefined ? {} : { defaultModel: settings.defaultModel }),
      wait: settings.preflightWait,
      clock: systemClock,
      onResult(result) {
        clearProgress();
        report.add(result);
      },
      onWaiting: showWaiting,
    }, signal);
    clearProgress();
    report.end(found, systemClock.now() - startedAt);
    return found.isWell ? 0 : 1;
  } finally {
    servers.close();
    for (const close of connections.values()) close();
  }
}
