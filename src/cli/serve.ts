import type { Configuration } from "../config/load.ts";
import { getLogger, redirectConsole } from "../telemetry/log.ts";
import { applyLogLevel } from "./config_reload.ts";
import { type DaemonOptions, runDaemon } from "./daemon.ts";
import { printProblem } from "./print.ts";
import { installLastResort, unfitRuntime, watchStopSignals } from "./process.ts";
import { startupWarnings } from "./startup_warnings.ts";

const log = getLogger("serve");

/** Runs the daemon as this process: its log, its signals, its last resort. Resolves with the exit code. */
export async function serve(configuration: Configuration, options: DaemonOptions = {}): Promise<number> {
  const unfit = unfitRuntime(Deno.version.deno);
  if (unfit !== undefined) {
    printProblem(unfit);
    return 1;
  }
  applyLogLevel(configuration.settings);
  using _ = redirectConsole();
  for (const warning of startupWarnings(configuration)) log.warn(warning);
  const stop = new AbortController();
  let crashed = false;
  installLastResort(() => {
    crashed = true;
    stop.abort();
  });
  watchStopSignals(stop);
  const exitCode = await runDaemon(configuration, stop.signal, options);
  return crashed ? 1 : exitCode;
}
