import { assertEquals } from "@std/assert";
import { systemClock } from "../../src/base/clock.ts";
import { type HttpOptions, type HttpServer, type LiveHttpOptions, serveHttp } from "../../src/http/server.ts";
import { LimitedLog } from "../../src/telemetry/limited_log.ts";
import { getLogger } from "../../src/telemetry/log.ts";
import { FakeFleet } from "./fake_fleet.ts";
import { RecordingMetrics, RecordingObserver } from "./recorders.ts";

/** A running server, and all that it talks to. */
export interface TestServer {
  readonly http: HttpServer;
  readonly fleet: FakeFleet;
  readonly metrics: RecordingMetrics;
  readonly observer: RecordingObserver;
  readonly url: string;
  readonly port: number;
  /** Serves the requests from now on with these options changed. */
  reconfigure(changes: Partial<LiveHttpOptions>): void;
  /** POSTs a body to `/infer`: text and bytes as they are, anything else as JSON. */
  infer(body: unknown, init?: RequestInit & { readonly query?: string }): Promise<Response>;
}

/**
 * Runs `test` against a server on a free port, then stops it and asserts that nothing was left: no slot, no running
 * inference, no request in flight.
 */
export async function withServer(
  test: (server: TestServer) => Promise<void>,
  options: Partial<HttpOptions> = {},
): Promise<void> {
  const fleet = new FakeFleet();
  const metrics = new RecordingMetrics();
  const observer = new RecordingObserver();
  const all: HttpOptions = {
    addr: { hostname: "127.0.0.1", port: 0 },
    fleet,
    observer,
    httpMetrics: metrics,
    maxBodyBytes: 1048576,
    maxAnswerBytes: 16777216,
    maxBufferedBytes: 268435456,
    v1MaxBodyBytes: 33554432,
    v1Timeout: 0,
    heartbeat: 0,
    aliases: {},
    allowMediaUrls: false,
    maxJsonDepth: 32,
    maxHeaderCount: 100,
    maxPathLength: 2048,
    maxConcurrentRequests: 0,
    maxInflightPerClient: 0,
    clients: [],
    bodyTimeout: 0,
    writeTimeout: 0,
    inferTimeout: 0,
    clock: systemClock,
    refusals: new LimitedLog(getLogger("http"), { lines: 10, windowMs: 10_000 }, systemClock),
    ...options,
  };
  const http = serveHttp(all);
  const reconfigure: TestServer["reconfigure"] = (changes) => http.reconfigure({ ...all, ...changes });
  const { port } = http.addr;
  const url = `http://127.0.0.1:${port}`;
  const infer: TestServer["infer"] = (body, { query = "", ...init } = {}) =>
    fetch(`${url}/infer${query}`, {
      method: "POST",
      body: typeof body === "string" || body instanceof Uint8Array ? body as BodyInit : JSON.stringify(body),
      headers: { "Content-Type": "application/json" },
      ...init,
    });
  try {
    await test({ http, fleet, metrics, observer, url, port, reconfigure, infer });
    await metrics.idle();
  } finally {
    await http.stop(0);
  }
  assertEquals({ slots: fleet.inUse, running: observer.running, inflight: metrics.inflight }, {
    slots: 0,
    running: 0,
    inflight: 0,
  });
}

/** The objects of an NDJSON text. */
export function parseLines(ndjson: string): unknown[] {
  return ndjson.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** The body of a reply that must have one. */
export function bodyOf(reply: Response): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (reply.body === null) throw new Error("the reply has no body");
  return reply.body;
}

/** Waits for what no event tells of. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
