import { systemClock } from "../base/clock.ts";
import { type Address, formatAddress, isLoopback } from "../config/address.ts";
import type { Configuration } from "../config/load.ts";
import type { CorsOptions } from "../http/middleware/cors.ts";
import { descriptionRoutes } from "../http/api/docs/description_routes.ts";
import { metricsRoute } from "../http/api/info/info_routes.ts";
import { type MetricsServer, serveMetrics } from "../http/metrics_server.ts";
import { type HttpServer, type LiveHttpOptions, serveHttp } from "../http/server.ts";
import type { Fleet } from "../dispatch/fleet.ts";
import { inferenceLog } from "../telemetry/inference_log.ts";
import { inferenceTraces } from "../telemetry/inference_traces.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { allObservers } from "../telemetry/inference_observer.ts";
import { version } from "../base/version.ts";
import { LimitedLog } from "../telemetry/limited_log.ts";
import { getLogger } from "../telemetry/log.ts";

const log = getLogger("serve");

/** How many refused requests are logged one by one: so many in so many ms. */
const REFUSALS_LOGGED = { lines: 10, windowMs: 10_000 };
/** What a daemon serves. */
export interface Listening {
  readonly api: HttpServer;
  /** The second listener, where one is set. */
  readonly metrics: MetricsServer | undefined;
}

/** What is listened with. */
export interface ListenOptions {
  readonly configuration: Configuration;
  readonly fleet: Fleet;
  readonly metrics: Metrics;
  /** Called should an address be lost later. */
  readonly onLost: () => void;
}

/**
 * Serves the API, and metrics on their own where they have an address; nothing, and a line in the log, where an address
 * cannot be had.
 */
export async function listen(options: ListenOptions): Promise<Listening | undefined> {
  const { configuration: { settings } } = options;
  const api = tried("--addr", settings.addr, () => serveApi(options));
  if (api === undefined) return undefined;
  const { metricsAddr } = settings;
  const metrics = metricsAddr && tried("--metrics-addr", metricsAddr, () => serveMetricsAlone(options, metricsAddr));
  if (metricsAddr !== undefined && metrics === undefined) {
    await api.stop(0);
    return undefined;
  }
  return { api, metrics };
}

function serveApi({ configuration, fleet, metrics, onLost }: ListenOptions): HttpServer {
  const { settings, tls } = configuration;
  const refusals = new LimitedLog(getLogger("http"), REFUSALS_LOGGED, systemClock);
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
}

function serveMetricsAlone({ configuration, fleet, metrics, onLost }: ListenOptions, addr: Address): MetricsServer {
  const { settings } = configuration;
  // Nothing but this keeps a page of a strange name out.
  const allowedHosts = isLoopback(addr) ? settings.allowedHosts : undefined;
  return serveMetrics({ addr, fleet, metrics, limits: settings, allowedHosts, onLost, clock: systemClock });
}

/** What `serve` gives; undefined, and a line in the log, where it cannot listen on the address. */
function tried<T>(flag: string, addr: Address, serve: () => T): T | undefined {
  try {
    return serve();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.error(`cannot listen on ${formatAddress(addr)}: ${remedy(error, flag)}`, { reason });
    return undefined;
  }
}

/** Why an address cannot be had, and what to do. */
function remedy(error: unknown, flag: string): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return `another program listens there; stop it, or choose another address with ${flag}`;
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `no interface of this machine has that address; choose one with ${flag}, such as ${flag} 127.0.0.1:0`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `this user may not use that port; choose one from 1024 on with ${flag}`;
  }
  return `choose another address with ${flag}`;
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
