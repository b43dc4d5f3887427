import { systemClock } from "../clock.ts";
import { formatAddress } from "../config/address.ts";
import type { Configuration } from "../config/load.ts";
import type { CorsOptions } from "../http/access/cors.ts";
import { descriptionRoutes } from "../http/description/description_routes.ts";
import { metricsRoute } from "../http/metrics_route.ts";
import { type HttpServer, serveHttp } from "../http/server.ts";
import type { Manager } from "../manager/manager.ts";
import { inferenceLog } from "../telemetry/inference_log.ts";
import { inferenceTraces } from "../telemetry/inference_traces.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { allObservers } from "../telemetry/observers.ts";
import { version } from "../version.ts";
import { getLogger } from "../telemetry/log.ts";

const log = getLogger("serve");

/** Serves the API at the configured address; nothing, and a line in the log, where that address cannot be had. */
export function listen({ settings }: Configuration, manager: Manager): HttpServer | undefined {
  const metrics = createMetrics({ status: () => manager.status(), version, clock: systemClock });
  try {
    const http = serveHttp({
      addr: settings.addr,
      manager,
      observer: observers(metrics),
      httpMetrics: metrics.http,
      maxBodyBytes: settings.maxBodyBytes,
      maxAnswerBytes: settings.maxAnswerBytes,
      maxBufferedBytes: settings.maxBufferedBytes,
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
      routes: [metricsRoute(metrics), ...descriptionRoutes(version)],
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
