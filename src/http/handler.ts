import type { Clock } from "../base/clock.ts";
import { ModeldError } from "../base/errors.ts";
import type { HttpMetrics } from "../telemetry/http_metrics.ts";
import type { Cors } from "./middleware/cors.ts";
import { asModeldError, errorReply } from "./error_reply.ts";
import { requestIdOf } from "./request_id.ts";
import { checkLimits, type RequestLimits } from "./middleware/request_limits.ts";
import { pathOf } from "./request_target.ts";
import { RequestContext, type Route } from "./route.ts";

/** What the handler is made from. */
export interface HandlerOptions {
  readonly routes: readonly Route[];
  readonly limits: RequestLimits;
  /** Missing: other origins' pages may not read replies. */
  readonly cors?: Cors | undefined;
  readonly metrics: HttpMetrics;
  readonly clock: Clock;
}

/** The one handler of the public API: finds the route, answers errors as JSON, adds what every reply carries, counts. */
export function createHandler(options: HandlerOptions): Deno.ServeHandler<Deno.NetAddr> {
  const { metrics, cors, clock } = options;
  const routes = new Map(options.routes.map((route) => [route.path, route]));
  return async (request, info) => {
    const arrivedAt = clock.now();
    const { method } = request;
    const route = routes.get(pathOf(request.url));
    const label = route?.path ?? "other";
    const context = new RequestContext(requestIdOf(request), info);
    metrics.began(label);

    const reply = await answer(request, context, route, options);
    for (const [name, value] of Object.entries(route?.headers ?? {})) reply.headers.set(name, value);
    reply.headers.set("X-Content-Type-Options", "nosniff");
    reply.headers.set("X-Request-Id", context.requestId);
    cors?.apply(request, reply.headers);

    const done = () => {
      context.done();
      metrics.ended(label, method, reply.status, clock.now() - arrivedAt);
    };
    info.completed.then(done, done);
    return reply;
  };
}

async function answer(
  request: Request,
  context: RequestContext,
  route: Route | undefined,
  { limits, cors }: HandlerOptions,
): Promise<Response> {
  try {
    checkLimits(request, limits);
    const preflight = cors?.preflight(request);
    if (preflight !== undefined) return preflight;
    if (route === undefined) throw new ModeldError("not_found", `no such path: ${pathOf(request.url)}`);
    if (!allows(route, request.method)) return methodNotAllowed(route, request.method);
    return await route.handle(request, context);
  } catch (error) {
    return errorReply(asModeldError(error));
  }
}

function allows(route: Route, method: string): boolean {
  return method === route.method || (method === "HEAD" && route.method === "GET");
}

function methodNotAllowed(route: Route, method: string): Response {
  const allowed = route.method === "GET" ? "GET, HEAD" : route.method;
  const message = `${method} is not allowed on ${route.path}; allowed: ${allowed}`;
  return errorReply(new ModeldError("method_not_allowed", message), { Allow: allowed });
}
