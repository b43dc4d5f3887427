import { assertEquals, assertStringIncludes } from "@std/assert";
import type { ErrorKind } from "../../src/base/errors.ts";
import type { FleetFigures } from "../../src/telemetry/status_metrics.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { Timeline } from "../../src/base/timeline.ts";
import { FakeClock } from "../support/fake_clock.ts";

const IDLE: FleetFigures = { instances: [], servers: [], clients: [], loads_total: 0, evictions_total: 0 };

type InstanceFigures = FleetFigures["instances"][number];

function instance(model_id: string, numbers: Partial<InstanceFigures> = {}): InstanceFigures {
  return { model_id, queue_len: 0, inflight: 0, slots: 1, ...numbers };
}

/** Metrics of a daemon whose fleet says what `now.status` says, and the value of one sample of theirs. */
function daemon() {
  const now = { status: IDLE };
  const clock = new FakeClock();
  const metrics = createMetrics({ status: () => now.status, version: "1.2.3", clock });
  const sample = async (name: string) => {
    const line = (await metrics.render()).split("\n").find((line) => line.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length));
  };
  return { now, clock, metrics, sample };
}

function stream(clock: FakeClock, model: string, gaps: readonly number[]): Timeline {
  const timeline = new Timeline("r", clock);
  timeline.enter("queue");
  timeline.model = model;
  clock.advance(30);
  timeline.enter("prefill");
  clock.advance(400);
  timeline.received(1);
  for (const gap of gaps) {
    timeline.waiting();
    clock.advance(gap);
    timeline.received(1);
  }
  timeline.end();
  return timeline;
}

Deno.test("an inference that went well shows in every metric of inferences", async () => {
  const { clock, metrics, sample } = daemon();
  const usage = { promptTokens: 5, completionTokens: 3, totalTokens: 8 };
  metrics.inferences.ended(stream(clock, "m", [15, 700_000]), { outcome: "ok", status: 200, usage });
  assertEquals(await sample(`modeld_requests_total{model="m",outcome="ok",stage="stream"}`), 1);
  assertEquals(await sample(`modeld_tokens_total{model="m",kind="prompt"}`), 5);
  assertEquals(await sample(`modeld_tokens_total{model="m",kind="completion"}`), 3);
  assertEquals(await sample(`modeld_queue_wait_seconds_sum{model="m",priority="default"}`), 0.03);
  assertEquals(await sample(`modeld_time_to_first_token_seconds_bucket{le="0.2",model="m"}`), 0);
  assertEquals(await sample(`modeld_time_to_first_token_seconds_bucket{le="0.5",model="m"}`), 1);
  assertEquals(await sample(`modeld_inter_token_seconds_bucket{le="0.01",model="m"}`), 0);
  assertEquals(await sample(`modeld_inter_token_seconds_bucket{le="0.02",model="m"}`), 1);
  assertEquals(await sample(`modeld_inter_token_seconds_bucket{le="600",model="m"}`), 1);
  assertEquals(await sample(`modeld_inter_token_seconds_bucket{le="+Inf",model="m"}`), 2);
  assertEquals(await sample(`modeld_inter_token_seconds_count{model="m"}`), 2);
  assertEquals(await sample(`modeld_inter_token_seconds_sum{model="m"}`), 700.015);
  assertEquals(await sample("modeld_overhead_seconds_count"), 1);
});

Deno.test("inter-token times of several inferences add up per model", async () => {
  const { clock, metrics, sample } = daemon();
  for (const model of ["a", "a", "b"]) {
    metrics.inferences.ended(stream(clock, model, [15]), { outcome: "ok", status: 200 });
  }
  assertEquals(await sample(`modeld_inter_token_seconds_count{model="a"}`), 2);
  assertEquals(await sample(`modeld_inter_token_seconds_count{model="b"}`), 1);
});

Deno.test("a request whose model was never resolved makes no series of its own", async () => {
  const { clock, metrics, sample } = daemon();
  const timeline = new Timeline("r", clock);
  timeline.end();
  const error = { kind: "model_not_found" as const, message: "model not found: ../../etc" };
  metrics.inferences.ended(timeline, { outcome: "invalid", status: 404, error });
  assertEquals(await sample(`modeld_requests_total{model="",outcome="invalid",stage="queue"}`), 1);
  const text = await metrics.render();
  assertEquals(text.includes("etc"), false);
  assertEquals(text.match(/^modeld_(?!requests_total)\w+\{model=""/m), null);
});

Deno.test("a method that a client made up is counted as other", async () => {
  const { metrics, sample } = daemon();
  metrics.http.began("other");
  assertEquals(await sample(`modeld_http_inflight_requests{path="other"}`), 1);
  metrics.http.ended("other", "BREW", 404, 2);
  assertEquals(await sample(`modeld_http_inflight_requests{path="other"}`), 0);
  assertEquals(await sample(`modeld_http_requests_total{path="other",method="other",status="404"}`), 1);
});

Deno.test("a full queue and a passed max-wait are counted by reason, other failures are not", async () => {
  const { clock, metrics, sample } = daemon();
  const fail = (kind: ErrorKind) => {
    const timeline = new Timeline("r", clock);
    timeline.end();
    metrics.inferences.ended(timeline, { outcome: "rejected", status: 429, error: { kind, message: "no" } });
  };
  assertEquals(await sample(`modeld_http_backpressure_total{reason="queue_full"}`), 0);
  for (const kind of ["queue_full", "wait_timeout", "wait_timeout", "insufficient_vram"] as const) fail(kind);
  assertEquals(await sample(`modeld_http_backpressure_total{reason="queue_full"}`), 1);
  assertEquals(await sample(`modeld_http_backpressure_total{reason="wait_timeout"}`), 2);
  assertEquals(await sample(`modeld_http_backpressure_total{reason="insufficient_vram"}`), undefined);
});

Deno.test("the manager's numbers are those of the moment of the scrape, and a model that is gone leaves no gauge", async () => {
  const { now, sample } = daemon();
  const server = { name: "server-1", state: "ready", slots: 4, running: 3 };
  now.status = {
    ...IDLE,
    loads_total: 4,
    evictions_total: 2,
    servers: [server],
    instances: [instance("a", { queue_len: 7, inflight: 3, slots: 4 }), instance("b")],
  };
  assertEquals(await sample(`modeld_queue_depth{model="a"}`), 7);
  assertEquals(await sample(`modeld_inflight{model="a"}`), 3);
  assertEquals(await sample(`modeld_slots{model="a"}`), 4);
  assertEquals(await sample("modeld_model_loads_total"), 4);
  assertEquals(await sample("modeld_model_evictions_total"), 2);
  assertEquals(await sample("modeld_llama_server_up"), 1);
  now.status = { ...IDLE, loads_total: 5, servers: [{ ...server, state: "lost" }], instances: [instance("b")] };
  assertEquals(await sample(`modeld_queue_depth{model="a"}`), undefined);
  assertEquals(await sample("modeld_model_loads_total"), 5);
  assertEquals(await sample("modeld_llama_server_up"), 0);
});

Deno.test("process metrics hold real numbers, without any permission", async () => {
  const { metrics, sample } = daemon();
  for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "modeld_heap_used_bytes"]) {
    assertEquals((await sample(name) ?? 0) > 0, true, name);
  }
  assertStringIncludes(await metrics.render(), `modeld_build_info{version="1.2.3",deno="${Deno.version.deno}"`);
});

Deno.test("each server has its series, and one that was removed leaves none", async () => {
  const { now, sample } = daemon();
  const server = (name: string, state: string, slots: number, running: number) => ({ name, state, slots, running });
  now.status = { ...IDLE, servers: [server("a", "ready", 4, 3), server("b", "lost", 0, 1)] };
  assertEquals([await sample(`modeld_server_up{server="a"}`), await sample(`modeld_server_up{server="b"}`)], [1, 0]);
  const slots = async (name: string) => [
    await sample(`modeld_server_slots{server="${name}",state="busy"}`),
    await sample(`modeld_server_slots{server="${name}",state="free"}`),
  ];
  assertEquals([await slots("a"), await slots("b")], [[3, 1], [1, 0]]);
  now.status = { ...IDLE, servers: [server("a", "ready", 4, 0)] };
  assertEquals([await sample(`modeld_server_up{server="b"}`), await slots("b")], [undefined, [undefined, undefined]]);
});

Deno.test("where requests were sent, why, and what was in the cache there; a removed server's series are deleted", async () => {
  const { now, clock, metrics, sample } = daemon();
  const server = (name: string) => ({ name, state: "ready", slots: 1, running: 0 });
  now.status = { ...IDLE, servers: [server("a"), server("b")] };
  const end = (server: string, reason: string, expectedTokens: number, timings?: Record<string, number>) => {
    const timeline = stream(clock, "m", []);
    timeline.server = server;
    timeline.placement = { reason, expectedTokens };
    metrics.inferences.ended(timeline, { outcome: "ok", status: 200, ...timings && { timings } });
  };
  end("a", "cold", 0, { cache_n: 0, prompt_n: 100 });
  end("a", "warm", 99.6, { cache_n: 80, prompt_n: 30 });
  end("b", "spill", 50); // not answered: nothing is known of its cache
  const dispatched = (server: string, reason: string) =>
    sample(`modeld_dispatch_total{server="${server}",reason="${reason}"}`);
  assertEquals([await dispatched("a", "cold"), await dispatched("a", "warm"), await dispatched("b", "spill")], [
    1,
    1,
    1,
  ]);
  assertEquals(await sample(`modeld_prompt_tokens_total{model="m",source="cache"}`), 80);
  assertEquals(await sample(`modeld_prompt_tokens_total{model="m",source="computed"}`), 130);
  assertEquals(await sample(`modeld_affinity_expected_tokens_total{model="m"}`), 100);
  now.status = { ...IDLE, servers: [server("b")] };
  assertEquals([await dispatched("a", "cold"), await dispatched("a", "warm"), await dispatched("b", "spill")], [
    undefined,
    undefined,
    1,
  ]);
});

Deno.test("the queue of a model on several servers counts once", async () => {
  const { now, sample } = daemon();
  now.status = {
    ...IDLE,
    instances: [instance("a", { queue_len: 7, slots: 4 }), instance("a", { queue_len: 7, slots: 2 })],
  };
  assertEquals(await sample(`modeld_queue_depth{model="a"}`), 7);
  assertEquals(await sample(`modeld_slots{model="a"}`), 6);
});

Deno.test("what a client uses and is refused shows under its name", async () => {
  const { now, clock, metrics, sample } = daemon();
  const usage = { promptTokens: 5, completionTokens: 3, totalTokens: 8 };
  const served = stream(clock, "m", [15]);
  Object.assign(served, { client: "chat", priority: "batch", slotMs: 1_500 });
  metrics.inferences.ended(served, { outcome: "ok", status: 200, usage });
  const refused = new Timeline("r", clock);
  refused.client = "chat";
  refused.end();
  const error = { kind: "rate_limited", message: "too many" } as const;
  metrics.inferences.ended(refused, { outcome: "rejected", status: 429, error });
  assertEquals(await sample(`modeld_client_slot_seconds_total{client="chat",model="m"}`), 1.5);
  assertEquals(await sample(`modeld_client_tokens_total{client="chat",kind="completion"}`), 3);
  assertEquals(await sample(`modeld_client_rejected_total{client="chat",reason="rate_limited"}`), 1);
  assertEquals(await sample(`modeld_queue_wait_seconds_count{model="m",priority="batch"}`), 1);

  now.status = { ...IDLE, clients: [{ name: "chat", waiting: 4 }] };
  assertEquals(await sample(`modeld_client_queue_depth{client="chat"}`), 4);
  now.status = IDLE;
  assertEquals(await sample(`modeld_client_queue_depth{client="chat"}`), undefined);
});
