import type { Clock } from "../clock.ts";
import { ModeldError } from "../errors.ts";
import type { HttpMetrics } from "../telemetry/http_metrics.ts";
import { asModeldError, errorReply } from "./error_reply.ts";
import { requestIdOf } from "./request_id.ts";
import type { RequestContext, Route } from "./route.ts";

/** What the handler is made from. */
export interface HandlerOptions {
  readonly routes: readonly Route[];
  readonly metrics: HttpMetrics;
  readonly clock: Clock;
}

/** The one handler of the public API: finds the route, answers errors as JSON, counts. */
export function createHandler({ routes, metrics, clock }: HandlerOptions): Deno.ServeHandler<Deno.NetAddr> {
  const byPath = new Map(routes.map((route) => [route.path, route]));
  return async (request, info) => {
    const arrivedAt = clock.now();
    const route = byPath.get(pathOf(request.url));
    const context = { requestId: requestIdOf(request), remoteAddress: info.remoteAddr.hostname };
    const label = route?.path ?? "other";
    metrics.began(label);
    const reply = await answer(request, route, context);
    reply.headers.set("X-Content-Type-Options", "nosniff");
    reply.headers.set("X-Request-Id", context.requestId);
    const { method } = request;
    const ended = () => metrics.ended(label, method, reply.status, clock.now() - arrivedAt);
    info.completed.then(ended, ended);
    return reply;
  };
}

async function answer(request: Request, route: Route | undefined, context: RequestContext): Promise<Response> {
  try {
    if (route === undefined) {
      return errorReply(new ModeldError("not_found", `no such path: ${pathOf(request.url)}`));
    }
    if (!allows(route, request.method)) {
      const allow = route.method === "GET" ? "GET, HEAD" : route.method;
      const message = `${request.method} is not allowed on ${route.path}; allowed: ${allow}`;
      return errorReply(new ModeldError("method_not_allowed", message), { Allow: allow });
    }
    return await route.handle(request, context);
  } catch (error) {
    return errorReply(asModeldError(error));
  }
}

function allows(route: Route, method: string): boolean {
  return method === route.method || (method === "HEAD" && route.method === "GET");
}

/** The path of an absolute URL, without query; cheaper than `new URL`. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start === -1) return "/";
  const query = url.indexOf("?", start);
  return query === -1 ? url.slice(start) : url.slice(start, query);
}
