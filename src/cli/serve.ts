import type { Configuration } from "../config/load.ts";
import { redirectConsole } from "../telemetry/console_log.ts";
import { configureLog, getLogger } from "../telemetry/log.ts";
import { runDaemon } from "./daemon.ts";
import { installLastResort } from "./last_resort.ts";
import { printProblem } from "./print.ts";
import { startupWarnings } from "./startup_warnings.ts";
import { watchStopSignals } from "./stop_signals.ts";
import { unfitRuntime } from "./unfit_runtime.ts";

const log = getLogger("serve");

/** Runs the daemon as this process: its log, its signals, its last resort. Resolves with the exit code. */
export async function serve(configuration: Configuration): Promise<number> {
  const unfit = unfitRuntime(Deno.version.deno);
  if (unfit !== undefined) {
    printProblem(unfit);
    return 1;
  }
  const { logLevel, logFormat } = configuration.settings;
  configureLog({ level: logLevel, ...(logFormat === "auto" ? {} : { format: logFormat }) });
  using _ = redirectConsole();
  for (const warning of startupWarnings(configuration)) log.warn(warning);
  const stop = new AbortController();
  let crashed = false;
  installLastResort(() => {
    crashed = true;
    stop.abort();
  });
  watchStopSignals(stop);
  const exitCode = await runDaemon(configuration, stop.signal);
  return crashed ? 1 : exitCode;
}
