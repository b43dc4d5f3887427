import { assertEquals, assertStringIncludes } from "@std/assert";
import type { ErrorKind } from "../../src/base/errors.ts";
import type { FleetFigures, MetricsAliases } from "../../src/telemetry/status_metrics.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { Timeline } from "../../src/base/timeline.ts";
import { FakeClock } from "../support/fake_clock.ts";

const IDLE: FleetFigures = { instances: [], servers: [], clients: [], loads_total: 0, evictions_total: 0 };

type InstanceFigures = FleetFigures["instances"][number];

function instance(model_id: string, numbers: Partial<InstanceFigures> = {}): InstanceFigures {
  const idle = { server: "server-1", state: "ready", queue_len: 0, max_queue_depth: 32, inflight: 0, slots: 1 };
  return { model_id, ...idle, ...numbers };
}

type ServerFigures = FleetFigures["servers"][number];

function server(name: string, state: string, slots: number, running: number): ServerFigures {
  return { name, state, slots, running, vram_used_mb: 0, vram_budget_mb: 0 };
}

/** Metrics of a daemon whose fleet says what `now.status` says, and the value of one sample of theirs. */
function daemon(aliases: MetricsAliases = "none") {
  const now = { status: IDLE };
  const clock = new FakeClock();
  const metrics = createMetrics({ status: () => now.status, aliases, version: "1.2.3", clock });
  const sample = (name: string) => {
    const line = metrics.render().split("\n").find((line) => line.startsWith(`${name} `));
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

Deno.test("an inference that went well shows in every metric of inferences", () => {
  const { clock, metrics, sample } = daemon();
  const usage = { promptTokens: 5, completionTokens: 3, totalTokens: 8 };
  metrics.inferences.ended(stream(clock, "m", [15, 700_000]), { outcome: "ok", status: 200, usage });
  assertEquals(sample(`modeld_requests_total{model="m",outcome="ok",stage="stream"}`), 1);
  assertEquals(sample(`modeld_tokens_total{model="m",kind="prompt"}`), 5);
  assertEquals(sample(`modeld_tokens_total{model="m",kind="completion"}`), 3);
  assertEquals(sample(`modeld_queue_wait_seconds_sum{model="m",priority="default"}`), 0.03);
  assertEquals(sample(`modeld_time_to_first_token_seconds_bucket{le="0.2",model="m"}`), 0);
  assertEquals(sample(`modeld_time_to_first_token_seconds_bucket{le="0.5",model="m"}`), 1);
  assertEquals(sample(`modeld_inter_token_seconds_bucket{le="0.01",model="m"}`), 0);
  assertEquals(sample(`modeld_inter_token_seconds_bucket{le="0.02",model="m"}`), 1);
  assertEquals(sample(`modeld_inter_token_seconds_bucket{le="600",model="m"}`), 1);
  assertEquals(sample(`modeld_inter_token_seconds_bucket{le="+Inf",model="m"}`), 2);
  assertEquals(sample(`modeld_inter_token_seconds_count{model="m"}`), 2);
  assertEquals(sample(`modeld_inter_token_seconds_sum{model="m"}`), 700.015);
  assertEquals(sample("modeld_overhead_seconds_count"), 1);
});

Deno.test("inter-token times of several inferences add up per model", () => {
  const { clock, metrics, sample } = daemon();
  for (const model of ["a", "a", "b"]) {
    metrics.inferences.ended(stream(clock, model, [15]), { outcome: "ok", status: 200 });
  }
  assertEquals(sample(`modeld_inter_token_seconds_count{model="a"}`), 2);
  assertEquals(sample(`modeld_inter_token_seconds_count{model="b"}`), 1);
});

Deno.test("a request whose model was never resolved makes no series of its own", () => {
  const { clock, metrics, sample } = daemon();
  const timeline = new Timeline("r", clock);
  timeline.end();
  const error = { kind: "model_not_found" as const, message: "model not found: ../../etc" };
  metrics.inferences.ended(timeline, { outcome: "invalid", status: 404, error });
  assertEquals(sample(`modeld_requests_total{model="",outcome="invalid",stage="queue"}`), 1);
  const text = metrics.render();
  assertEquals(text.includes("etc"), false);
  assertEquals(text.match(/^modeld_(?!requests_total|errors_total)\w+\{model=""/m), null);
});

Deno.test("a method that a client made up is counted as other", () => {
  const { metrics, sample } = daemon();
  metrics.http.began("other");
  assertEquals(sample(`modeld_http_inflight_requests{path="other"}`), 1);
  metrics.http.ended("other", "BREW", 404, 2);
  assertEquals(sample(`modeld_http_inflight_requests{path="other"}`), 0);
  assertEquals(sample(`modeld_http_requests_total{path="other",method="other",status="404"}`), 1);
});

Deno.test("a full queue and a passed max-wait are counted by reason, other failures are not", () => {
  const { clock, metrics, sample } = daemon();
  const fail = (kind: ErrorKind) => {
    const timeline = new Timeline("r", clock);
    timeline.end();
    metrics.inferences.ended(timeline, { outcome: "rejected", status: 429, error: { kind, message: "no" } });
  };
  assertEquals(sample(`modeld_http_backpressure_total{reason="queue_full"}`), 0);
  for (const kind of ["queue_full", "wait_timeout", "wait_timeout", "insufficient_vram"] as const) fail(kind);
  assertEquals(sample(`modeld_http_backpressure_total{reason="queue_full"}`), 1);
  assertEquals(sample(`modeld_http_backpressure_total{reason="wait_timeout"}`), 2);
  assertEquals(sample(`modeld_http_backpressure_total{reason="insufficient_vram"}`), undefined);
});

Deno.test("the manager's numbers are those of the moment of the scrape, and a model that is gone leaves no gauge", () => {
  const { now, sample } = daemon();
  now.status = {
    ...IDLE,
    loads_total: 4,
    evictions_total: 2,
    servers: [server("server-1", "ready", 4, 3)],
    instances: [instance("a", { queue_len: 7, inflight: 3, slots: 4 }), instance("b")],
  };
  assertEquals(sample(`modeld_queue_depth{model="a"}`), 7);
  assertEquals(sample(`modeld_inflight{model="a"}`), 3);
  assertEquals(sample(`modeld_slots{model="a"}`), 4);
  assertEquals(sample("modeld_model_loads_total"), 4);
  assertEquals(sample("modeld_model_evictions_total"), 2);
  assertEquals(sample("modeld_llama_server_up"), 1);
  now.status = { ...IDLE, loads_total: 5, servers: [server("server-1", "lost", 0, 3)], instances: [instance("b")] };
  assertEquals(sample(`modeld_queue_depth{model="a"}`), undefined);
  assertEquals(sample("modeld_model_loads_total"), 5);
  assertEquals(sample("modeld_llama_server_up"), 0);
});

Deno.test("process metrics hold real numbers, without any permission", () => {
  const { metrics, sample } = daemon();
  for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "modeld_heap_used_bytes"]) {
    assertEquals((sample(name) ?? 0) > 0, true, name);
  }
  assertStringIncludes(metrics.render(), `modeld_build_info{version="1.2.3",deno="${Deno.version.deno}"`);
});

Deno.test("each server has its series, and one that was removed leaves none", () => {
  const { now, sample } = daemon();
  now.status = { ...IDLE, servers: [server("a", "ready", 4, 3), server("b", "lost", 0, 1)] };
  assertEquals([sample(`modeld_server_up{server="a"}`), sample(`modeld_server_up{server="b"}`)], [1, 0]);
  const slots = (name: string) => [
    sample(`modeld_server_slots{server="${name}",state="busy"}`),
    sample(`modeld_server_slots{server="${name}",state="free"}`),
  ];
  assertEquals([slots("a"), slots("b")], [[3, 1], [1, 0]]);
  now.status = { ...IDLE, servers: [server("a", "ready", 4, 0)] };
  assertEquals([sample(`modeld_server_up{server="b"}`), slots("b")], [undefined, [undefined, undefined]]);
});

Deno.test("where requests were sent, why, and what was in the cache there; a removed server's series are deleted", () => {
  const { now, clock, metrics, sample } = daemon();
  now.status = { ...IDLE, servers: [server("a", "ready", 1, 0), server("b", "ready", 1, 0)] };
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
  assertEquals([dispatched("a", "cold"), dispatched("a", "warm"), dispatched("b", "spill")], [1, 1, 1]);
  assertEquals(sample(`modeld_prompt_tokens_total{model="m",source="cache"}`), 80);
  assertEquals(sample(`modeld_prompt_tokens_total{model="m",source="computed"}`), 130);
  assertEquals(sample(`modeld_affinity_expected_tokens_total{model="m"}`), 100);
  now.status = { ...IDLE, servers: [server("b", "ready", 1, 0)] };
  assertEquals([dispatched("a", "cold"), dispatched("a", "warm"), dispatched("b", "spill")], [undefined, undefined, 1]);
});

Deno.test("the queue of a model on several servers counts once", () => {
  const { now, sample } = daemon();
  now.status = {
    ...IDLE,
    instances: [instance("a", { queue_len: 7, slots: 4 }), instance("a", { queue_len: 7, slots: 2 })],
  };
  assertEquals(sample(`modeld_queue_depth{model="a"}`), 7);
  assertEquals(sample(`modeld_slots{model="a"}`), 6);
});

Deno.test("what a client uses and is refused shows under its name", () => {
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
  assertEquals(sample(`modeld_client_slot_seconds_total{client="chat",model="m"}`), 1.5);
  assertEquals(sample(`modeld_client_tokens_total{client="chat",kind="completion"}`), 3);
  assertEquals(sample(`modeld_client_rejected_total{client="chat",reason="rate_limited"}`), 1);
  assertEquals(sample(`modeld_queue_wait_seconds_count{model="m",priority="batch"}`), 1);

  now.status = { ...IDLE, clients: [{ name: "chat", waiting: 4, running: 1 }] };
  assertEquals(sample(`modeld_client_queue_depth{client="chat"}`), 4);
  now.status = IDLE;
  assertEquals(sample(`modeld_client_queue_depth{client="chat"}`), undefined);
});

Deno.test("the totals of the pool have no labels: what waits, what runs, and how many of the slots are busy", () => {
  const { now, sample } = daemon();
  const totals = () => ["waiting", "running", "saturation"].map((name) => sample(`modeld_pool_${name}`));
  assertEquals(totals(), [0, 0, 0]);
  now.status = {
    ...IDLE,
    clients: [{ name: "chat", waiting: 4, running: 2 }, { name: "other", waiting: 1, running: 1 }],
    servers: [server("a", "ready", 4, 2), server("b", "ready", 4, 1)],
    instances: [instance("m", { slots_unconfirmed: 1 })],
  };
  assertEquals(totals(), [5, 3, 0.5]);
  now.status = { ...now.status, servers: [server("a", "ready", 2, 3)] };
  assertEquals(totals(), [5, 3, 1]);
  now.status = { ...now.status, servers: [server("a", "lost", 0, 0)], instances: [] };
  assertEquals(totals(), [5, 3, 1]);
});

Deno.test("with the aliases of vLLM the totals have its names as well, without they have not", () => {
  const names = ["vllm:num_requests_waiting", "vllm:num_requests_running", "vllm:kv_cache_usage_perc"];
  const vllm = daemon("vllm");
  vllm.now.status = {
    ...IDLE,
    clients: [{ name: "other", waiting: 4, running: 1 }],
    servers: [server("a", "ready", 4, 1)],
  };
  assertEquals(names.map(vllm.sample), [4, 1, 0.25]);
  assertEquals(vllm.sample("modeld_pool_waiting"), 4);
  assertEquals(names.map(daemon().sample), [undefined, undefined, undefined]);
});

Deno.test("an error shows its type beside the outcome", () => {
  const { clock, metrics, sample } = daemon();
  const timeline = stream(clock, "m", []);
  const error = { kind: "idle_timeout", message: "silence" } as const;
  metrics.inferences.ended(timeline, { outcome: "timeout", status: 500, error });
  assertEquals(sample(`modeld_errors_total{model="m",outcome="timeout",type="idle_timeout"}`), 1);
  assertEquals(sample(`modeld_client_requests_total{client="other",outcome="timeout"}`), 1);
});

Deno.test("llama-server's timings show as cache hits and as the rate of a stream, and usage as lengths", () => {
  const { clock, metrics, sample } = daemon();
  const timeline = stream(clock, "m", [100]);
  Object.assign(timeline, { server: "a", placement: { reason: "warm", expectedTokens: 600 } });
  const timings = { cache_n: 500, prompt_n: 100, predicted_per_second: 25 };
  const usage = { promptTokens: 600, completionTokens: 80, totalTokens: 680 };
  metrics.inferences.ended(timeline, { outcome: "ok", status: 200, usage, timings });
  assertEquals(sample(`modeld_prompt_tokens_total{model="m",source="cache"}`), 500);
  assertEquals(sample(`modeld_prompt_tokens_total{model="m",source="computed"}`), 100);
  assertEquals(sample(`modeld_affinity_expected_tokens_total{model="m"}`), 600);
  assertEquals(sample(`modeld_stream_tokens_per_second_sum{model="m"}`), 25);
  assertEquals(sample(`modeld_prompt_length_tokens_bucket{le="256",model="m"}`), 0);
  assertEquals(sample(`modeld_prompt_length_tokens_bucket{le="1024",model="m"}`), 1);
  assertEquals(sample(`modeld_answer_length_tokens_sum{model="m"}`), 80);
});

Deno.test("a stream without timings has the rate at which its fragments came", () => {
  const { clock, metrics, sample } = daemon();
  metrics.inferences.ended(stream(clock, "m", [100, 100]), { outcome: "cancelled", status: 200 });
  assertEquals(sample(`modeld_stream_tokens_per_second_sum{model="m"}`), 10);
});

Deno.test("memory, states, limits and expected waits of the fleet show in bytes and seconds", () => {
  const { now, sample } = daemon();
  now.status = {
    ...IDLE,
    servers: [{ ...server("a", "ready", 4, 0), vram_used_mb: 3, vram_budget_mb: 8 }],
    instances: [instance("m", { server: "a", state: "loading", max_queue_depth: 64, expected_wait_ms: 1_500 })],
  };
  assertEquals(sample(`modeld_vram_used_bytes{server="a"}`), 3 * 2 ** 20);
  assertEquals(sample(`modeld_vram_budget_bytes{server="a"}`), 8 * 2 ** 20);
  assertEquals(sample(`modeld_model_state{model="m",server="a",state="loading"}`), 1);
  assertEquals(sample(`modeld_queue_limit{model="m"}`), 64);
  assertEquals(sample(`modeld_expected_wait_seconds{model="m"}`), 1.5);
  now.status = { ...now.status, instances: [instance("m", { server: "a", state: "ready" })] };
  assertEquals(sample(`modeld_model_state{model="m",server="a",state="loading"}`), undefined);
  assertEquals(sample(`modeld_expected_wait_seconds{model="m"}`), undefined);
});

Deno.test("loads show how long they took, and how many failed", () => {
  const { metrics, sample } = daemon();
  metrics.lifecycle({ event: "load_start", model: "m" });
  assertEquals(sample(`modeld_model_load_failures_total{model="m"}`), 0);
  metrics.lifecycle({ event: "load_done", model: "m", load_ms: 1_500 });
  metrics.lifecycle({ event: "load_failed", model: "m" });
  metrics.lifecycle({ event: "server_lost" });
  assertEquals(sample(`modeld_model_load_seconds_sum{model="m"}`), 1.5);
  assertEquals(sample(`modeld_model_load_failures_total{model="m"}`), 1);
});
