import { STATUS_CODE } from "@std/http/status";
import { mayUseModel } from "../../../base/client.ts";
import type { Fleet } from "../../../dispatch/fleet.ts";
import type { Metrics } from "../../../telemetry/metrics.ts";
import type { Route } from "../../route.ts";

/** `GET /healthz`: 200 as long as the process runs; asks nobody. */
export const healthzRoute: Route = { method: "GET", path: "/healthz", handle: () => new Response("ok") };

/** `GET /readyz`: 200 when a request for the default model would be served. */
export function readyzRoute(fleet: Fleet, draining: () => boolean): Route {
  return {
    method: "GET",
    path: "/readyz",
    handle() {
      const readiness = draining() ? "draining" : fleet.readiness();
      const status = readiness === "ready" ? STATUS_CODE.OK : STATUS_CODE.ServiceUnavailable;
      return new Response(readiness, { status });
    },
  };
}

/** `GET /models`: those that the client may use. */
export function modelsRoute(fleet: Fleet): Route {
  return {
    method: "GET",
    path: "/models",
    handle(_, { client }) {
      const models = fleet.models().filter(({ id }) => client === undefined || mayUseModel(client, id));
      return Response.json({ models });
    },
  };
}

/** `GET /status`. */
export function statusRoute(fleet: Fleet): Route {
  return { method: "GET", path: "/status", handle: () => Response.json(fleet.status()) };
}

/** `GET /metrics`: everything at the moment of the scrape. */
export function metricsRoute(metrics: Pick<Metrics, "contentType" | "render">): Route {
  return {
    method: "GET",
    path: "/metrics",
    async handle() {
      return new Response(await metrics.render(), { headers: { "Content-Type": metrics.contentType } });
    },
  };
}
