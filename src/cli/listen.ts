import { systemClock } from "../base/clock.ts";
import { formatAddress, isLoopback } from "../config/address.ts";
import type { Configuration } from "../config/load.ts";
import type { CorsOptions } from "../http/middleware/cors.ts";
import { descriptionRoutes } from "../http/api/docs/description_routes.ts";
import { metricsRoute } from "../http/api/info/metrics_route.ts";
import { type HttpServer, serveHttp } from "../http/server.ts";
import type { Fleet } from "../dispatch/fleet.ts";
import { inferenceLog } from "../telemetry/inference_log.ts";
import { inferenceTraces } from "../telemetry/inference_traces.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { allObservers } from "../telemetry/observers.ts";
import { version } from "../base/version.ts";
import { getLogger } from "../telemetry/log.ts";

const log = getLogger("serve");

/**
 * Serves the API at the configured address, and calls `onLost` should it be lost later; nothing, and a line in the log, where that
 * address cannot be had.
 */
export function listen(
  configuration: Configuration,
  fleet: Fleet,
  onLost: () => void,
): HttpServer | undefined {
  const { settings, clients, tls } = configuration;
  const metrics = createMetrics({ status: () => fleet.status(), version, clock: systemClock });
  try {
    const http = serveHttp({
      addr: settings.addr,
      fleet,
      observer: observers(metrics),
      httpMetrics: metrics.http,
      maxBodyBytes: settings.maxBodyBytes,
      maxAnswerBytes: settings.maxAnswerBytes,
      maxBufferedBytes: settings.maxBufferedBytes,
      v1MaxBodyBytes: settings.v1MaxBodyBytes,
      v1Timeout: settings.v1Timeout,
      heartbeat: settings.heartbeat,
      aliases: settings.aliases,
      allowMediaUrls: settings.allowMediaUrls,
      maxJsonDepth: settings.maxJsonDepth,
      maxHeaderCount: settings.maxHeaderCount,
      maxPathLength: settings.maxPathLength,
      maxConcurrentRequests: settings.maxConcurrentRequests,
      maxInflightPerClient: settings.maxInflightPerClient,
      clients: () => clients,
      tls,
      allowedHosts: checkedHosts(configuration),
      trustedProxies: settings.trustedProxies,
      onLost,
      ...(settings.corsEnabled ? { cors: corsOptions(settings) } : {}),
      bodyTimeout: settings.bodyTimeout,
      writeTimeout: settings.writeTimeout,
      inferTimeout: settings.inferTimeout,
      clock: systemClock,
      routes: [metricsRoute(metrics), ...descriptionRoutes(version)],
    });
    log.info("listening", { url: `${tls === undefined ? "http" : "https"}://${formatAddress(http.addr)}`, version });
    return http;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.error("cannot listen: choose another address with --addr", { addr: formatAddress(settings.addr), reason });
    return undefined;
  }
}

/** A browser's page of a strange name is kept out where nothing else does: on loopback, without keys. */
function checkedHosts({ settings: { addr, allowedHosts }, clients }: Configuration): readonly string[] | undefined {
  return isLoopback(addr) && clients.length === 0 ? allowedHosts : undefined;
}

function corsOptions({ corsOrigins, corsMethods, corsHeaders }: Configuration["settings"]): CorsOptions {
  return { origins: corsOrigins, methods: corsMethods, headers: corsHeaders };
}

function observers(metrics: Metrics): ReturnType<typeof allObservers> {
  const traces = inferenceTraces();
  return allObservers(inferenceLog, metrics.inferences, ...(traces === undefined ? [] : [traces]));
}
