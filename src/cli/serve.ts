import type { Configuration } from "../config/load.ts";
import { getLogger, redirectConsole } from "../telemetry/log.ts";
import { applyLogLevel } from "./config_reload.ts";
import { runDaemon } from "./daemon.ts";
import { printProblem } from "./print.ts";
import { installLastResort, onHangUp, unfitRuntime, watchStopSignals } from "./process.ts";
import { startupWarnings } from "./startup_warnings.ts";

const log = getLogger("serve");

/**
 * Runs the daemon as this process: its log, its signals, its last resort. Resolves with the exit code.
 *
 * @param load gathers the configuration anew; missing: it stays as it is
 */
export async function serve(
  configuration: Configuration,
  load?: () => Promise<Configuration>,
): Promise<number> {
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
  const exitCode = await runDaemon(configuration, stop.signal, load && { load, onAsked: onHangUp });
  return crashed ? 1 : exitCode;
}
