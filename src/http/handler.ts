import { publicName } from "../base/client.ts";
import { clip } from "../base/clip.ts";
import type { Clock } from "../base/clock.ts";
import { ModeldError } from "../base/errors.ts";
import type { HttpMetrics } from "../telemetry/http_metrics.ts";
import { isRefusal } from "../telemetry/inference_log.ts";
import type { LimitedLog } from "../telemetry/limited_log.ts";
import type { TrustedProxies } from "./middleware/client_address.ts";
import type { Cors } from "./middleware/cors.ts";
import { checkHost, hostOf } from "./middleware/host_check.ts";
import { asModeldError, errorReply } from "./error_reply.ts";
import type { Handler } from "./listener.ts";
import { checkContentEncoding, checkLimits, type RequestLimits } from "./middleware/request_limits.ts";
import { pathOf } from "./request_target.ts";
import { RequestContext, type Route } from "./route.ts";

/** Characters of a path that are logged; it is the client's. */
const LONGEST_PATH = 60;

/** What the handler is made from. */
export interface HandlerOptions {
  readonly routes: readonly Route[];
  readonly limits: RequestLimits;
  readonly trustedProxies: TrustedProxies;
  /** Names that clients may use for modeld beside private ones; undefined: any. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Missing: other origins' pages may not read replies. */
  readonly cors?: Cors | undefined;
  /** Hears of every request that is refused for want of a key, a right, a path or room and has no line of its own. */
  readonly refusals: LimitedLog;
  readonly metrics: HttpMetrics;
  readonly clock: Clock;
}

/** The one handler of the public API: finds the route, answers errors as JSON, adds what every reply carries, counts. */
export function createHandler(options: HandlerOptions): Handler {
  const { metrics, cors, clock, trustedProxies, refusals } = options;
  const routes = new Routes(options.routes);
  return async (request, connection) => {
    const arrivedAt = clock.now();
    const { method } = request;
    const host = hostOf(request);
    const route = host === undefined ? undefined : routes.find(pathOf(request.url));
    const label = route?.path ?? "other";
    const context = new RequestContext(request, connection, trustedProxies);
    metrics.began(label);

    const reply = await answer(request, context, host, route, routes.paths, options);
    for (const [name, value] of Object.entries(route?.headers ?? {})) reply.headers.set(name, value);
    for (const [name, value] of context.replyHeaders) reply.headers.set(name, value);
    reply.headers.set("X-Content-Type-Options", "nosniff");
    for (const name of ["X-Request-Id", ...route?.idHeaders ?? []]) reply.headers.set(name, context.requestId);
    cors?.apply(request, reply.headers);
    const { status } = reply;
    if (isRefusal(status) && !context.isLogged) logRefusal(refusals, request, context, status);

    const done = () => {
      context.done();
      metrics.ended(label, method, status, clock.now() - arrivedAt);
    };
    connection.completed.then(done, done);
    return reply;
  };
}

function logRefusal(refusals: LimitedLog, request: Request, context: RequestContext, status: number): void {
  const { method } = request;
  const { requestId, clientAddress: address, client } = context;
  const path = clip(pathOf(request.url), LONGEST_PATH);
  const name = client === undefined ? undefined : publicName(client);
  const properties = { request_id: requestId, client: name, address, method, path, status };
  refusals.warn(
    "a client was refused",
    properties,
    () => `${status} ${method} ${path} ${name === undefined ? "" : `${name} `}from ${address}: refused`,
  );
}

async function answer(
  request: Request,
  context: RequestContext,
  host: string | undefined,
  route: Route | undefined,
  paths: string,
  { limits, cors, allowedHosts, metrics }: HandlerOptions,
): Promise<Response> {
  try {
    if (host === undefined) throw new ModeldError("invalid_request", "Host is no host, or not that of the target");
    if (allowedHosts !== undefined && !context.throughProxy) checkHost(host, allowedHosts);
    checkLimits(request, limits);
    checkContentEncoding(request);
    const preflight = cors?.preflight(request);
    if (preflight !== undefined) return preflight;
    if (route === undefined) {
      throw new ModeldError(
        "not_found",
        `no such path: ${pathOf(request.url)}; there are ${paths}`,
      );
    }
    if (!allows(route, request.method)) return methodNotAllowed(route, request.method, context.requestId);
    return await route.handle(request, context);
  } catch (error) {
    const failure = asModeldError(error);
    if (failure.kind === "overloaded") metrics.overloaded(route?.path ?? "other");
    return route?.refuse?.(failure, context.requestId) ?? errorReply(failure);
  }
}

/** Finds the route of a path. */
class Routes {
  /** The paths that there are, for people; the files of the page are of no use to them. */
  readonly paths: string;
  readonly #exact: ReadonlyMap<string, Route>;
  readonly #prefixes: readonly Route[];

  constructor(routes: readonly Route[]) {
    this.paths = routes.filter(({ path }) => !path.startsWith("/page/"))
      .map(({ path, isPrefix }) => isPrefix === true ? `${path}{id}` : path).join(", ");
    this.#exact = new Map(routes.filter(({ isPrefix }) => isPrefix !== true).map((route) => [route.path, route]));
    this.#prefixes = routes.filter(({ isPrefix }) => isPrefix === true);
  }

  find(path: string): Route | undefined {
    return this.#exact.get(path) ?? this.#prefixes.find((route) => path.startsWith(route.path));
  }
}

function allows(route: Route, method: string): boolean {
  return method === route.method || (method === "HEAD" && route.method === "GET");
}

function methodNotAllowed(route: Route, method: string, requestId: string): Response {
  const allowed = route.method === "GET" ? "GET, HEAD" : route.method;
  const message = `${method} is not allowed on ${route.path}; allowed: ${allowed}`;
  const failure = new ModeldError("method_not_allowed", message);
  const reply = route.refuse?.(failure, requestId) ?? errorReply(failure);
  reply.headers.set("Allow", allowed);
  return reply;
}
