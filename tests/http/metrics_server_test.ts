import { assertEquals, assertStringIncludes } from "@std/assert";
import { type MetricsServer, serveMetrics } from "../../src/http/metrics_server.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { STATUS } from "../../src/http/api/docs/openapi_examples.ts";
import { FakeFleet } from "./fake_fleet.ts";

/** Metrics and probes of a fake fleet on a free port; `renders` counts how often metrics were rendered. */
async function withMetrics(
  test: (rig: { server: MetricsServer; fleet: FakeFleet; clock: FakeClock; renders: () => number }) => Promise<void>,
  allowedHosts?: readonly string[],
): Promise<void> {
  const fleet = new FakeFleet();
  const clock = new FakeClock();
  let renders = 0;
  const metrics = createMetrics({
    status: () => ({ ...STATUS, instances: STATUS.instances.map((one) => ({ ...one, model_id: "größer" })) }),
    version: "1.2.3",
    clock,
  });
  const counted = {
    ...metrics,
    render() {
      renders++;
      return metrics.render();
    },
  };
  const server = serveMetrics({
    addr: { hostname: "127.0.0.1", port: 0 },
    fleet,
    metrics: counted,
    limits: { maxHeaderCount: 100, maxPathLength: 2048 },
    allowedHosts,
    onLost: () => {},
    clock,
  });
  try {
    await test({ server, fleet, clock, renders: () => renders });
  } finally {
    await server.stop();
  }
}

async function get({ addr }: MetricsServer, path: string, host = "127.0.0.1"): Promise<[number, string]> {
  // Only with `allowHost` a client may name another host.
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0, allowHost: true });
  const headers = { Host: host };
  const reply = await fetch(`http://127.0.0.1:${addr.port}${path}`, { client, headers });
  return [reply.status, await reply.text()];
}

Deno.test("metrics and probes have an address of their own, which serves nothing else", () =>
  withMetrics(async ({ server }) => {
    assertEquals(await get(server, "/healthz"), [200, "ok"]);
    assertEquals(await get(server, "/readyz"), [200, "ready"]);
    const [status, text] = await get(server, "/metrics");
    assertEquals(status, 200);
    assertStringIncludes(text, "modeld_pool_waiting 0\n");
    const others = ["/", "/status", "/models", "/infer", "/v1/models", "/events", "/docs"];
    assertEquals(await Promise.all(others.map(async (path) => (await get(server, path))[0])), others.map(() => 404));
  }));

Deno.test("however often it is scraped, metrics are rendered once in 100 ms", () =>
  withMetrics(async ({ server, clock, renders }) => {
    for (let scrape = 0; scrape < 5; scrape++) await get(server, "/metrics");
    assertEquals(renders(), 1);
    clock.advance(99);
    await get(server, "/metrics");
    assertEquals(renders(), 1);
    clock.advance(1);
    await get(server, "/metrics");
    assertEquals(renders(), 2);
  }));

Deno.test("a name that is not ASCII arrives whole", () =>
  withMetrics(async ({ server }) => {
    const [, text] = await get(server, "/metrics");
    assertStringIncludes(text, 'modeld_queue_depth{model="größer"} 0\n');
  }));

Deno.test("readiness there falls as soon as the fleet drains", () =>
  withMetrics(async ({ server, fleet }) => {
    fleet.state = "draining";
    assertEquals(await get(server, "/readyz"), [503, "draining"]);
    assertEquals(await get(server, "/healthz"), [200, "ok"]);
  }));

Deno.test("on loopback a page under a strange name is refused there as well", () =>
  withMetrics(async ({ server }) => {
    assertEquals((await get(server, "/metrics", "evil.example"))[0], 403);
    assertEquals((await get(server, "/metrics", "localhost"))[0], 200);
  }, []));
