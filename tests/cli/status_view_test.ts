import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Picture, type Screen, statusLines } from "../../src/cli/status_view.ts";
import type { FleetView, InstanceView, RequestView } from "../../src/http/api/live/live_view.ts";
import type { RecentFigures } from "../../src/telemetry/recent.ts";

const NOW = 1_000_000;
const WIDE: Screen = { columns: 120, rows: 50, colors: false };

const INSTANCE: InstanceView = {
  model_id: "/models/stories.gguf",
  server: "gpu0",
  state: "ready",
  last_used_unix: 0,
  est_vram_mb: 2_048,
  est_source: "file",
  queue_len: 2,
  inflight: 3,
  max_queue_depth: 32,
  slots: 5,
  slots_unconfirmed: 1,
  queue_wait_ms_p50: 0,
  prefill: 1,
  streaming: 1,
  prompt_tokens: 200,
  cached_tokens: 160,
  tokens_per_second: 57,
};

const SERVER = {
  name: "gpu0",
  url: "http://gpu0:8081",
  state: "ready",
  slots: 5,
  running: 3,
  queue_wait_ms: 0,
  vram_used_mb: 0,
  vram_budget_mb: 0,
} as const;

function picture(fleet: Partial<FleetView> = {}, rest: Partial<Picture> = {}): Picture {
  return {
    version: "1.2.3",
    fleet: {
      instances: [INSTANCE],
      servers: [SERVER],
      clients: [{ name: "chat", waiting: 2, running: 3 }],
      budget_mb: 0,
      used_est_mb: 0,
      margin_mb: 0,
      state: "ready",
      evictions_total: 0,
      loads_total: 0,
      warmups_in_progress: 0,
      draining_count: 0,
      ...fleet,
    },
    recent: { tokens_per_second: [1, 2, 57.4, 20] } as unknown as RecentFigures,
    requests: [],
    more: 0,
    clockOffset: 0,
    ...rest,
  };
}

function request(number: number, more: Partial<RequestView> = {}): RequestView {
  const stages: RequestView["stages"] = [["queue", 0], ["stream", 5]];
  return { number, id: `r${number}`, client: "chat", arrived_unix_ms: NOW - 1_500, stages, tokens: number, ...more };
}

Deno.test("a model is a line: its server, state, slots as cells, queue, speed, cache and memory", () => {
  const lines = statusLines(picture(), "127.0.0.1:8080", NOW, WIDE);
  assertEquals(lines, [
    "modeld 1.2.3 on 127.0.0.1:8080 · ready · 3 running · 2 waiting · 57 tokens/s",
    "",
    "SERVER  MODEL    STATE  SLOTS      QUEUE  TOK/S  CACHE    VRAM",
    "gpu0    stories  ready  █▓▒▒· 3/5      2     57    80%  2.0 GB",
    "",
    "CLIENT  RUNNING  WAITING",
    "chat          3        2",
  ]);
});

Deno.test("a server that is lost says why, and a modeld that is not ready too", () => {
  const lost = { ...SERVER, state: "lost", last_error: "connection refused" } as const;
  const lines = statusLines(picture({ state: "error", error: "it is gone", servers: [lost] }), "m", NOW, WIDE);
  assertStringIncludes(lines[0] ?? "", "· not ready ·");
  assertEquals(lines[2], "it is gone");
  assertEquals(lines[5], "gpu0    –      lost: connection refused");
});

Deno.test("a request is a line with its stage, its place in the queue and its time; many are counted", () => {
  const queued = request(2, { model: "stories", stages: [["queue", 0]], position: 3, expected_wait_ms: 4_200 });
  const lines = statusLines(picture({ clients: [] }, { requests: [request(1), queued] }), "m", NOW, WIDE);
  assertEquals(lines.slice(-3), [
    "REQUEST  CLIENT  MODEL    SERVER  STAGE                 TOKENS   TIME",
    "r1       chat    –        –       stream                     1  1.50s",
    "r2       chat    stories  –       queue 3, about 4.20s       2  1.50s",
  ]);
  const many = Array.from({ length: 30 }, (_, i) => request(i));
  const few = statusLines(picture({}, { requests: many, more: 5 }), "m", NOW, { ...WIDE, rows: 20 });
  assertEquals(few.at(-1), "and 27 more");
  assert(few.length <= 20, few.join("\n"));
});

Deno.test("no line is wider than the screen, and none can steer it", () => {
  const hostile = {
    ...INSTANCE,
    model_id: "a\x1b[2Jb".repeat(20),
    state: "error",
    reason: "no\nmore".repeat(20),
  } as const;
  const lines = statusLines(picture({ instances: [hostile] }, { requests: [request(1)] }), "m".repeat(99), NOW, {
    ...WIDE,
    columns: 40,
  });
  for (const line of lines) assert(line.length <= 40 && !/\p{Cc}/u.test(line), JSON.stringify(line));
});

Deno.test("states have colours where the screen has them", () => {
  const lines = statusLines(picture(), "m", NOW, { ...WIDE, colors: true });
  assertStringIncludes(lines[0] ?? "", "\x1b[32mready\x1b[0m");
});
