import type { Clock } from "../base/clock.ts";
import type { Fleet } from "../dispatch/fleet.ts";
import { LimitedLog } from "../telemetry/limited_log.ts";
import { getLogger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { healthzRoute, readyzRoute, recentMetricsRoute } from "./api/info/info_routes.ts";
import { asModeldError, errorReply } from "./error_reply.ts";
import { createHandler } from "./handler.ts";
import { Listener } from "./listener.ts";
import { TrustedProxies } from "./middleware/client_address.ts";
import type { RequestLimits } from "./middleware/request_limits.ts";

/** What metrics and probes are served with. */
export interface MetricsServerOptions {
  readonly addr: { readonly hostname: string; readonly port: number };
  readonly fleet: Fleet;
  readonly metrics: Metrics;
  readonly limits: RequestLimits;
  /** Names that scrapers may use for modeld beside private ones; undefined: any. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Called once when the address was lost and could not be had again. */
  readonly onLost: () => void;
  readonly clock: Clock;
}

/** A running server of metrics and probes. */
export interface MetricsServer {
  readonly addr: Deno.NetAddr;
  /** Stops listening; resolves when the last connection has ended. */
  stop(): Promise<void>;
}

/** How many refusals are logged one by one: so many in so many ms. */
const REFUSALS_LOGGED = { lines: 10, windowMs: 10_000 };

/**
 * Serves `/metrics`, `/healthz` and `/readyz`, and nothing else: in plain HTTP and to anybody, so that scrapers and probes
 * need no key, and no client of the API can reach it where the network keeps the two apart.
 *
 * @throws Deno.errors.AddrInUse and the like, where the address cannot be listened on
 */
export function serveMetrics(options: MetricsServerOptions): MetricsServer {
  const { addr, fleet, metrics, limits, allowedHosts, onLost, clock } = options;
  const refusals = new LimitedLog(getLogger("http"), REFUSALS_LOGGED, clock);
  const handler = createHandler({
    // The fleet drains together with the API.
    routes: [healthzRoute, readyzRoute(fleet, () => false), recentMetricsRoute(metrics, clock)],
    limits,
    trustedProxies: new TrustedProxies([]),
    allowedHosts,
    refusals,
    metrics: metrics.http,
    clock,
  });
  const onError = (error: unknown) => errorReply(asModeldError(error));
  const listener = new Listener({ addr, handler, onError, onLost, clock });
  return {
    addr: listener.addr,
    async stop() {
      await listener.shutdown();
      refusals.close();
    },
  };
}
