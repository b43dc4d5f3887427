import type { Client } from "../base/client.ts";
import type { Clock } from "../base/clock.ts";
import type { Fleet } from "../dispatch/fleet.ts";
import type { HttpMetrics } from "../telemetry/http_metrics.ts";
import type { InferenceObserver } from "../telemetry/inference_observer.ts";
import { Clients } from "./middleware/clients.ts";
import { Cors, type CorsOptions } from "./middleware/cors.ts";
import { DeadlinesByLength } from "../base/deadlines.ts";
import { asModeldError, errorReply } from "./error_reply.ts";
import type { Admission } from "./middleware/admit.ts";
import { Gate, gated } from "./middleware/gate.ts";
import { ByteBudget } from "./byte_budget.ts";
import { createHandler } from "./handler.ts";
import { inferRoute } from "./api/infer/infer_route.ts";
import { ProgressWatch } from "./api/infer/progress.ts";
import { modelsRoutes } from "./api/v1/models_routes.ts";
import { v1Routes as v1Table } from "./api/v1/routes.ts";
import { v1Routes } from "./api/v1/v1_route.ts";
import { Inferences } from "./inference.ts";
import { ClientLimit } from "./middleware/client_limit.ts";
import { RateLimits } from "./middleware/rate_limits.ts";
import { ArrivalLimiter } from "./middleware/arrival_limiter.ts";
import { cancelRoute } from "./api/live/cancel_route.ts";
import { LiveEvents } from "./api/live/events_route.ts";
import { LiveView } from "./api/live/live_view.ts";
import { pageRoutes } from "./api/page/page_routes.ts";
import { healthzRoute, modelsRoute, readyzRoute, statusRoute } from "./api/info/info_routes.ts";
import { TrustedProxies } from "./middleware/client_address.ts";
import { type Handler, Listener } from "./listener.ts";
import type { TlsIdentity } from "../config/tls_identity.ts";
import { allObservers } from "../telemetry/inference_observer.ts";
import { Recent } from "../telemetry/recent.ts";
import { version } from "../base/version.ts";
import type { LimitedLog } from "../telemetry/limited_log.ts";
import type { Route } from "./route.ts";

/**
 * What may change while modeld runs: a request keeps to what was there when it came. Durations are milliseconds; 0 is none.
 */
export interface LiveHttpOptions {
  /** Bytes of a request body to `/infer`. */
  readonly maxBodyBytes: number;
  /** Bytes of request bodies and unread answers that the whole process may hold. */
  readonly maxBufferedBytes: number;
  /** Bytes that the text of an answer may have. */
  readonly maxAnswerBytes: number;
  /** Levels that objects and arrays of a request body may have. */
  readonly maxJsonDepth: number;
  /** Headers of a request; 0 is no limit. */
  readonly maxHeaderCount: number;
  /** Characters of path and query together; 0 is no limit. */
  readonly maxPathLength: number;
  /** Requests at once in this process; 0 is no limit. */
  readonly maxConcurrentRequests: number;
  /** Inferences at once for one API key, else for one remote address; 0 is no limit. */
  readonly maxInflightPerClient: number;
  /** The clients of the configuration; none: no key is asked for, and each address is a client. */
  readonly clients: readonly Client[];
  /** Names that clients may use for modeld beside private ones; missing: any. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Networks of proxies that say who their client is. */
  readonly trustedProxies?: readonly string[];
  /** Missing: pages of other origins may not call modeld. */
  readonly cors?: CorsOptions | undefined;
  /** Largest body of a request to `/v1`. */
  readonly v1MaxBodyBytes: number;
  /** For an answer to `/v1`, from the POST to llama-server to its end. */
  readonly v1Timeout: number;
  /** Without anything to send, while a stream of `/v1` has not begun. */
  readonly heartbeat: number;
  /** Names that clients have built in, and the models that they mean. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Whether llama-server may fetch pictures and sounds by their addresses. */
  readonly allowMediaUrls: boolean;
  /** To receive a request body. */
  readonly bodyTimeout: number;
  /** Without the client taking a byte. */
  readonly writeTimeout: number;
  /** From arrival to the last line. */
  readonly inferTimeout: number;
}

/** What the public API is served with. */
export interface HttpOptions extends LiveHttpOptions {
  readonly addr: { readonly hostname: string; readonly port: number };
  readonly fleet: Fleet;
  readonly observer: InferenceObserver;
  readonly httpMetrics: HttpMetrics;
  /** Certificate and key; missing: plain HTTP. */
  readonly tls?: TlsIdentity | undefined;
  /** Called once when the address was lost and could not be had again: nobody is served any more. */
  readonly onLost?: () => void;
  readonly clock: Clock;
  /** Bounds the lines of refused requests; closed when the server has stopped. */
  readonly refusals: LimitedLog;
  /** Missing: one of its own. */
  readonly arrivals?: ArrivalLimiter;
  /** Routes beside those of this folder, such as `/metrics`. */
  readonly routes?: readonly Route[];
}

/** A running server. */
export interface HttpServer {
  /** Where it listens. */
  readonly addr: Deno.NetAddr;
  /** Turns new inferences away and says `draining`; those that run go on, and the listener stays open. */
  drain(): void;
  /** Serves the requests that come from now on with these options. */
  reconfigure(options: LiveHttpOptions): void;
  /** Uses another certificate from now on. */
  renewTls(tls: TlsIdentity): void;
  /**
   * Drains, waits `timeoutMs` for the running inferences, ends the rest with an error line each, and closes the listener
   * last. The connection of a client that reads nothing cannot be closed by force (Deno.serve has no way), so it is not
   * waited for longer than two seconds more: the process is to exit afterwards.
   */
  stop(timeoutMs: number): Promise<void>;
}

/** Milliseconds that the last lines, and then the last connections, get when the server stops. */
const FLUSH_MS = 1000;

/**
 * Serves the public API.
 *
 * @throws Deno.errors.AddrInUse and the like, where the address cannot be listened on
 */
export function serveHttp(options: HttpOptions): HttpServer {
  const { clock } = options;
  let current: LiveHttpOptions = options;
  const deadlines = new DeadlinesByLength(clock);
  const budget = new ByteBudget(() => current.maxBufferedBytes);
  const recent: Recent = new Recent(clock, () => inferences.running().map(({ timeline }) => timeline));
  const inferences = new Inferences({
    clock,
    observer: allObservers(options.observer, recent),
    budget,
    inferDeadlines: () => deadlines.of(current.inferTimeout),
  });
  const gate = new Gate({
    clients: new Clients(() => current.clients),
    maxConcurrentRequests: () => current.maxConcurrentRequests,
  });
  const events = new LiveEvents({
    view: new LiveView({ fleet: options.fleet, inferences, recent, clock }),
    gate,
    version,
    clock,
    writeDeadlines: () => deadlines.of(current.writeTimeout),
  });
  const shared: Shared = {
    inferences,
    gate,
    events,
    clients: new ClientLimit(() => current.maxInflightPerClient),
    budget,
    rateLimits: new RateLimits(clock),
    arrivals: options.arrivals ?? new ArrivalLimiter(),
    progress: new ProgressWatch(options.fleet, clock),
    deadlines,
  };
  let handler = makeHandler(options, current, shared);
  const listener = new Listener({
    addr: options.addr,
    tls: options.tls,
    handler: (request, connection) => handler(request, connection),
    onError: (error) => errorReply(asModeldError(error)),
    onLost: options.onLost ?? (() => {}),
    clock,
  });
  return {
    addr: listener.addr,
    drain: () => inferences.drain(),
    reconfigure(next) {
      current = next;
      handler = makeHandler(options, current, shared);
      events.endFeeds();
    },
    renewTls: (tls) => listener.renew(tls),
    async stop(timeoutMs) {
      inferences.drain();
      await inferences.idle(timeoutMs);
      inferences.abortAll();
      await inferences.idle(FLUSH_MS);
      inferences.endAll();
      events.close();
      const { promise: waitedLongEnough, resolve } = Promise.withResolvers<void>();
      const timer = clock.after(FLUSH_MS, resolve);
      await Promise.race([listener.shutdown(), waitedLongEnough]);
      timer.clear();
      options.refusals.close();
      shared.progress.close();
      deadlines.close();
    },
  };
}

/** What goes on through every change of the options. */
interface Shared extends Admission {
  readonly events: LiveEvents;
  readonly arrivals: ArrivalLimiter;
  readonly progress: ProgressWatch;
  readonly deadlines: DeadlinesByLength;
}

/** The handler of requests that come while `live` holds. */
function makeHandler(options: HttpOptions, live: LiveHttpOptions, shared: Shared): Handler {
  const { fleet, clock, refusals } = options;
  const { gate, deadlines, events, inferences } = shared;
  const inference = {
    ...live,
    ...shared,
    fleet,
    clock,
    bodyDeadlines: deadlines.of(live.bodyTimeout),
    writeDeadlines: deadlines.of(live.writeTimeout),
  };
  const infoRoutes = [modelsRoute(fleet), statusRoute(fleet), ...modelsRoutes(fleet), ...options.routes ?? []];
  return createHandler({
    clock,
    metrics: options.httpMetrics,
    limits: live,
    trustedProxies: new TrustedProxies(live.trustedProxies ?? []),
    allowedHosts: live.allowedHosts,
    refusals,
    cors: live.cors && new Cors(live.cors),
    routes: [
      healthzRoute,
      readyzRoute(fleet, () => inferences.draining),
      inferRoute(inference),
      ...v1Routes(v1Table, { ...inference, heartbeats: deadlines.of(live.heartbeat) }),
      ...pageRoutes(() => gate.hasKeys),
      events.route,
      cancelRoute({ inferences, gate }),
      ...infoRoutes.map((route) => gated(route, gate)),
    ],
  });
}
