import { systemClock } from "../base/clock.ts";
import { formatAddress, isLoopback } from "../config/address.ts";
import type { Configuration } from "../config/load.ts";
import type { CorsOptions } from "../http/middleware/cors.ts";
import { descriptionRoutes } from "../http/api/docs/description_routes.ts";
import { metricsRoute } from "../http/api/info/info_routes.ts";
import { type HttpServer, type LiveHttpOptions, serveHttp } from "../http/server.ts";
import type { Fleet } from "../dispatch/fleet.ts";
import { inferenceLog } from "../telemetry/inference_log.ts";
import { inferenceTraces } from "../telemetry/inference_traces.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { allObservers } from "../telemetry/inference_observer.ts";
import { version } from "../base/version.ts";
import { LimitedLog } from "../telemetry/limited_log.ts";
import { getLogger } from "../telemetry/log.ts";

const log = getLogger("serve");

/** How many refused requests are logged one by one: so many in so many ms. */
const REFUSALS_LOGGED = { lines: 10, windowMs: 10_000 };

/**
 * Serves the API at the configured address, and calls `onLost` should it be lost later; nothing, and a line in the log, where that
 * address cannot be had.
 */
export function listen(
  configuration: Configuration,
  fleet: Fleet,
  onLost: () => void,
  reloadFailed: () => boolean = () => false,
): HttpServer | undefined {
  const { settings, tls } = configuration;
  const metrics = createMetrics({ status: () => fleet.status(), reloadFailed, version, clock: systemClock });
  const refusals = new LimitedLog(getLogger("http"), REFUSALS_LOGGED, systemClock);
  try {
    return serveHttp({
      addr: settings.addr,
      fleet,
      observer: observers(metrics, refusals),
      refusals,
      httpMetrics: metrics.http,
      ...liveHttpOptions(configuration),
      tls,
      onLost,
      clock: systemClock,
      routes: [metricsRoute(metrics), ...descriptionRoutes(version)],
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.error("cannot listen: choose another address with --addr", { addr: formatAddress(settings.addr), reason });
    return undefined;
  }
}

/** What the API takes from a configuration that may change while it is served. */
export function liveHttpOptions(configuration: Configuration): LiveHttpOptions {
  const { settings, clients } = configuration;
  return {
    ...settings,
    clients,
    allowedHosts: checkedHosts(configuration),
    cors: settings.corsEnabled ? corsOptions(settings) : undefined,
  };
}

/** A browser's page of a strange name is kept out where nothing else does: on loopback, without keys. */
function checkedHosts({ settings: { addr, allowedHosts }, clients }: Configuration): readonly string[] | undefined {
  return isLoopback(addr) && clients.length === 0 ? allowedHosts : undefined;
}

function corsOptions({ corsOrigins, corsMethods, corsHeaders }: Configuration["settings"]): CorsOptions {
  return { origins: corsOrigins, methods: corsMethods, headers: corsHeaders };
}

function observers(metrics: Metrics, refusals: LimitedLog): ReturnType<typeof allObservers> {
  const traces = inferenceTraces();
  return allObservers(inferenceLog(refusals), metrics.inferences, ...(traces === undefined ? [] : [traces]));
}
