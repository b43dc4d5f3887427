import type { Clock } from "../clock.ts";
import type { Manager } from "../manager/manager.ts";
import type { HttpMetrics } from "../telemetry/http_metrics.ts";
import type { InferenceObserver } from "../telemetry/inference_observer.ts";
import { ApiKeys } from "./access/api_keys.ts";
import { Cors, type CorsOptions } from "./access/cors.ts";
import { Deadlines } from "../deadlines.ts";
import { ByteBudget } from "./byte_budget.ts";
import { asModeldError, errorReply } from "./error_reply.ts";
import { Gate, gated } from "./access/gate.ts";
import { createHandler } from "./handler.ts";
import { inferRoute } from "./infer/infer_route.ts";
import { Inferences } from "./infer/inferences.ts";
import { healthzRoute, modelsRoute, readyzRoute, statusRoute } from "./info_routes.ts";
import type { Route } from "./route.ts";

/** What the public API is served with. Durations are milliseconds; 0 is none. */
export interface HttpOptions {
  readonly addr: { readonly hostname: string; readonly port: number };
  readonly manager: Manager;
  readonly observer: InferenceObserver;
  readonly httpMetrics: HttpMetrics;
  readonly maxBodyBytes: number;
  /** Bytes that the text of an answer may have. */
  readonly maxAnswerBytes: number;
  /** Bytes of request bodies and unread answers that the whole process may hold. */
  readonly maxBufferedBytes: number;
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
  /** Keys that clients may use; none: no key is asked for. */
  readonly apiKeys: readonly string[];
  /** Missing: pages of other origins may not call modeld. */
  readonly cors?: CorsOptions;
  /** To receive a request body. */
  readonly bodyTimeout: number;
  /** Without the client taking a byte. */
  readonly writeTimeout: number;
  /** From arrival to the last line. */
  readonly inferTimeout: number;
  readonly clock: Clock;
  /** Routes beside those of this folder, such as `/metrics`. */
  readonly routes?: readonly Route[];
}

/** A running server. */
export interface HttpServer {
  /** Where it listens. */
  readonly addr: Deno.NetAddr;
  /** Turns new inferences away and says `draining`; those that run go on, and the listener stays open. */
  drain(): void;
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
  const { manager, clock } = options;
  const bodyDeadlines = new Deadlines(options.bodyTimeout, clock);
  const writeDeadlines = new Deadlines(options.writeTimeout, clock);
  const inferDeadlines = new Deadlines(options.inferTimeout, clock);
  const inferences = new Inferences({ ...options, inferDeadlines });
  const budget = new ByteBudget(options.maxBufferedBytes);
  const gate = new Gate({
    apiKeys: options.apiKeys.length === 0 ? undefined : new ApiKeys(options.apiKeys),
    maxConcurrentRequests: options.maxConcurrentRequests,
  });
  const infoRoutes = [modelsRoute(manager), statusRoute(manager), ...options.routes ?? []];
  const handler = createHandler({
    clock,
    metrics: options.httpMetrics,
    limits: options,
    cors: options.cors && new Cors(options.cors),
    routes: [
      healthzRoute,
      readyzRoute(manager, () => inferences.draining),
      inferRoute({ ...options, inferences, gate, budget, bodyDeadlines, writeDeadlines }),
      ...infoRoutes.map((route) => gated(route, gate)),
    ],
  });
  const server = Deno.serve({
    ...options.addr,
    onListen() {},
    onError: (error) => errorReply(asModeldError(error)),
  }, handler);
  return {
    addr: server.addr,
    drain: () => inferences.drain(),
    async stop(timeoutMs) {
      inferences.drain();
      await inferences.idle(timeoutMs);
      inferences.abortAll();
      await inferences.idle(FLUSH_MS);
      inferences.endAll();
      const { promise: waitedLongEnough, resolve } = Promise.withResolvers<void>();
      const timer = clock.after(FLUSH_MS, resolve);
      await Promise.race([server.shutdown(), waitedLongEnough]);
      timer.clear();
      for (const deadlines of [bodyDeadlines, writeDeadlines, inferDeadlines]) deadlines.close();
    },
  };
}
