import type { Registry } from "./prometheus.ts";

/** Who is told of HTTP requests. `path` is the route (`/infer`), never the raw path; `other` where there is none. */
export interface HttpMetrics {
  /** A request came in. */
  began(path: string): void;
  /** Its answer is out to the last byte, or its client is gone; `ms` milliseconds after it came in. */
  ended(path: string, method: string, status: number, ms: number): void;
  /** It was turned away because the process had no room for it. */
  overloaded(path: string): void;
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Metrics of HTTP requests. A method that is not one of HTTP's own counts as `other`, so that clients make no series. */
export function httpMetrics(registry: Registry): HttpMetrics {
  const labelNames = ["path", "method", "status"] as const;
  const requests = registry.counter({
    name: "modeld_http_requests_total",
    help: "HTTP requests answered; status 499 is a client that left before there was one.",
    labelNames,
  });
  const duration = registry.histogram({
    name: "modeld_http_request_duration_seconds",
    help: "From a request's arrival to the last byte of its answer.",
    labelNames,
  });
  const inflight = registry.gauge({
    name: "modeld_http_inflight_requests",
    help: "HTTP requests that are being answered.",
    labelNames: ["path"],
  });
  const overloaded = registry.counter({
    name: "modeld_http_overloaded_total",
    help: "HTTP requests answered 503: max-concurrent-requests or max-buffered-bytes was reached.",
    labelNames: ["path"],
  });
  // It exists from the start, so that a rate over it works before the first.
  overloaded.add({ path: "/infer" }, 0);
  return {
    began(path) {
      inflight.add({ path });
    },
    ended(path, rawMethod, status, ms) {
      const labels = { path, method: METHODS.has(rawMethod) ? rawMethod : "other", status };
      inflight.add({ path }, -1);
      requests.add(labels);
      duration.observe(labels, ms / 1000);
    },
    overloaded(path) {
      overloaded.add({ path });
    },
  };
}

/** Counts requests turned away because the daemon is busy. */
export function backpressureCounter(registry: Registry): (reason: "queue_full" | "wait_timeout") => void {
  const counter = registry.counter({
    name: "modeld_http_backpressure_total",
    help: "Requests turned away with 429: the queue was full, or max-wait passed.",
    labelNames: ["reason"],
  });
  // Both exist from the start, so that a rate over them works before the first.
  counter.add({ reason: "queue_full" }, 0);
  counter.add({ reason: "wait_timeout" }, 0);
  return (reason) => counter.add({ reason });
}
