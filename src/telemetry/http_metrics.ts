import { Counter, Gauge, Histogram, type Registry } from "./prometheus.ts";
import { BUCKETS_SECONDS } from "../base/bucket_counts.ts";

/** Who is told of HTTP requests. `path` is the route (`/infer`), never the raw path; `other` where there is none. */
export interface HttpMetrics {
  /** A request came in. */
  began(path: string): void;
  /** Its answer is out to the last byte, or its client is gone; `ms` milliseconds after it came in. */
  ended(path: string, method: string, status: number, ms: number): void;
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Metrics of HTTP requests. A method that is not one of HTTP's own counts as `other`, so that clients make no series. */
export function httpMetrics(registry: Registry): HttpMetrics {
  const registers = [registry];
  const labelNames = ["path", "method", "status"] as const;
  const requests = new Counter({
    name: "modeld_http_requests_total",
    help: "HTTP requests answered; status 499 is a client that left before there was one.",
    labelNames,
    registers,
  });
  const duration = new Histogram({
    name: "modeld_http_request_duration_seconds",
    help: "From a request's arrival to the last byte of its answer.",
    labelNames,
    buckets: [...BUCKETS_SECONDS],
    registers,
  });
  const inflight = new Gauge({
    name: "modeld_http_inflight_requests",
    help: "HTTP requests that are being answered.",
    labelNames: ["path"],
    registers,
  });
  return {
    began(path) {
      inflight.inc({ path });
    },
    ended(path, rawMethod, status, ms) {
      const labels = { path, method: METHODS.has(rawMethod) ? rawMethod : "other", status };
      inflight.dec({ path });
      requests.inc(labels);
      duration.observe(labels, ms / 1000);
    },
  };
}

/** Counts requests turned away because the daemon is busy. */
export function backpressureCounter(registry: Registry): (reason: "queue_full" | "wait_timeout") => void {
  const counter = new Counter({
    name: "modeld_http_backpressure_total",
    help: "Requests turned away with 429: the queue was full, or max-wait passed.",
    labelNames: ["reason"],
    registers: [registry],
  });
  // Both exist from the start, so that a rate over them works before the first.
  counter.inc({ reason: "queue_full" }, 0);
  counter.inc({ reason: "wait_timeout" }, 0);
  return (reason) => counter.inc({ reason });
}
