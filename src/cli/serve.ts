import { getLogger } from "@logtape/logtape";
import { systemClock } from "../clock.ts";
import { formatAddress } from "../config/address.ts";
import type { Configuration } from "../config/load.ts";
import type { CorsOptions } from "../http/cors.ts";
import { docsRoute } from "../http/docs_page.ts";
import { metricsRoute } from "../http/metrics_route.ts";
import { openApiDocument, openApiRoute } from "../http/openapi.ts";
import { type HttpServer, serveHttp } from "../http/server.ts";
import type { InferenceAdapter } from "../llama/adapter.ts";
import { createManager } from "../manager/create_manager.ts";
import type { Manager } from "../manager/manager.ts";
import { inferenceLog } from "../telemetry/inference_log.ts";
import { inferenceTraces } from "../telemetry/inference_traces.ts";
import { configureLog } from "../telemetry/log.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { allObservers } from "../telemetry/observers.ts";
import { version } from "../version.ts";
import { connect } from "./connect.ts";
import { installLastResort } from "./last_resort.ts";
import { passPreflight } from "./pass_preflight.ts";
import { print } from "./print.ts";
import { startupWarnings } from "./startup_warnings.ts";
import { type StopSignals, watchStopSignals } from "./stop_signals.ts";

const log = getLogger(["modeld", "serve"]);

/** Serves until a signal asks for an end; resolves with the exit code. */
export async function serve(configuration: Configuration): Promise<number> {
  const { logLevel, logFormat } = configuration.settings;
  configureLog({ level: logLevel, ...(logFormat === "auto" ? {} : { format: logFormat }) });
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

function makeManager({ settings }: Configuration, adapter: InferenceAdapter | undefined): Manager {
  return createManager({
    ...(adapter === undefined ? {} : { adapter }),
    ...(settings.llamaUrl === undefined ? {} : { serverUrl: settings.llamaUrl }),
    ...(settings.defaultModel === undefined ? {} : { defaultModel: settings.defaultModel }),
    modelsDir: settings.modelsDir,
    vramBudgetMb: settings.vramBudgetMb,
    vramMarginMb: settings.vramMarginMb,
    maxQueueDepth: settings.maxQueueDepth,
    maxWait: settings.maxWait,
    maxInflight: settings.maxInflight,
    idleUnload: settings.idleUnload,
    drainTimeout: settings.drainTimeout,
    clock: systemClock,
    random: Math.random,
    ...(settings.events ? { onEvent: (event) => void print(`${JSON.stringify(event)}\n`) } : {}),
  });
}

function listen({ settings }: Configuration, manager: Manager): HttpServer | undefined {
  const metrics = createMetrics({ status: () => manager.status(), version, clock: systemClock });
  const description = openApiDocument(version);
  try {
    const http = serveHttp({
      addr: settings.addr,
      manager,
      observer: observers(metrics),
      httpMetrics: metrics.http,
      maxBodyBytes: settings.maxBodyBytes,
      maxJsonDepth: settings.maxJsonDepth,
      maxHeaderCount: settings.maxHeaderCount,
      maxPathLength: settings.maxPathLength,
      maxConcurrentRequests: settings.maxConcurrentRequests,
      maxInflightPerClient: settings.maxInflightPerClient,
      apiKeys: settings.apiKeys,
      ...(settings.corsEnabled ? { cors: corsOptions(settings) } : {}),
      bodyTimeout: settings.bodyTimeout,
      writeTimeout: settings.writeTimeout,
      inferTimeout: settings.inferTimeout,
      clock: systemClock,
      routes: [metricsRoute(metrics), openApiRoute(description), docsRoute(description)],
    });
    log.info("listening", { url: `http://${formatAddress(http.addr)}`, version });
    return http;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.error("cannot listen: choose another address with --addr", { addr: formatAddress(settings.addr), reason });
    return undefined;
  }
}

function corsOptions({ corsOrigins, corsMethods, corsHeaders }: Configuration["settings"]): CorsOptions {
  return { origins: corsOrigins, methods: corsMethods, headers: corsHeaders };
}

function observers(metrics: Metrics): ReturnType<typeof allObservers> {
  const traces = inferenceTraces();
  return allObservers(inferenceLog, metrics.inferences, ...(traces === undefined ? [] : [traces]));
}
