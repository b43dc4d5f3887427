import { getLogger } from "@logtape/logtape";
import type { Configuration } from "../config/load.ts";
import type { HttpServer } from "../http/server.ts";
import type { Manager } from "../manager/manager.ts";
import { redirectConsole } from "../telemetry/console_log.ts";
import { configureLog } from "../telemetry/log.ts";
import { connect } from "./connect.ts";
import { installLastResort } from "./last_resort.ts";
import { listen } from "./listen.ts";
import { makeManager } from "./make_manager.ts";
import { passPreflight } from "./pass_preflight.ts";
import { startupWarnings } from "./startup_warnings.ts";
import { type StopSignals, watchStopSignals } from "./stop_signals.ts";

const log = getLogger(["modeld", "serve"]);

/** Serves until a signal asks for an end; resolves with the exit code. */
export async function serve(configuration: Configuration): Promise<number> {
  const { logLevel, logFormat } = configuration.settings;
  configureLog({ level: logLevel, ...(logFormat === "auto" ? {} : { format: logFormat }) });
  using _ = redirectConsole();
  // Braces would be taken for the names of properties.
  for (const warning of startupWarnings(configuration)) log.warn(warning.replace(/[{}]/g, "$&$&"));
  const stop = watchStopSignals();
  let exitCode = 0;
  installLastResort(() => {
    exitCode = 1;
    stop.ask();
  });

  const adapter = connect(configuration);
  const manager = makeManager(configuration, adapter);
  const http = listen(configuration, manager);
  if (http === undefined) return 1;
  manager.start();
  if (adapter !== undefined && !(await passPreflight(adapter, configuration.settings, stop.signal))) exitCode = 1;
  else await serveUntilAsked(manager, stop);

  await shutDown(http, manager, stop.signal.aborted ? configuration.settings.shutdownTimeout : 0);
  stop.close();
  log.info("stopped");
  return exitCode;
}

async function serveUntilAsked(manager: Manager, stop: StopSignals): Promise<void> {
  manager.open();
  await stop.asked;
  log.info("stopping: new requests are turned away, running streams may end; a second signal exits at once");
}

async function shutDown(http: HttpServer, manager: Manager, timeoutMs: number): Promise<void> {
  http.drain();
  manager.drain();
  await http.stop(timeoutMs);
  await manager.close();
}
