import { STATUS_CODE } from "@std/http/status";
import type { Manager } from "../../../dispatch/manager.ts";
import type { Route } from "../../route.ts";

/** `GET /healthz`: 200 as long as the process runs; asks nobody. */
export const healthzRoute: Route = { method: "GET", path: "/healthz", handle: () => new Response("ok") };

/** `GET /readyz`: 200 when a request for the default model would be served. */
export function readyzRoute(manager: Manager, draining: () => boolean): Route {
  return {
    method: "GET",
    path: "/readyz",
    handle() {
      const readiness = draining() ? "draining" : manager.readiness();
      const status = readiness === "ready" ? STATUS_CODE.OK : STATUS_CODE.ServiceUnavailable;
      return new Response(readiness, { status });
    },
  };
}

/** `GET /models`. */
export function modelsRoute(manager: Manager): Route {
  return { method: "GET", path: "/models", handle: () => Response.json({ models: manager.models() }) };
}

/** `GET /status`. */
export function statusRoute(manager: Manager): Route {
  return { method: "GET", path: "/status", handle: () => Response.json(manager.status()) };
}
