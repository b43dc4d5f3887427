import type { Metrics } from "../../../telemetry/metrics.ts";
import type { Route } from "../../route.ts";

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
