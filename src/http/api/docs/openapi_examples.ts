import { errorMeanings } from "./error_meanings.ts";

/** Bodies of `POST /infer`. */
export const REQUESTS = {
  simple: { summary: "A prompt alone", value: { prompt: "Once" } },
  sampling: {
    summary: "With sampling",
    value: { model: "tiny", prompt: "Once", max_tokens: 64, temperature: 0.7, seed: 42, stop: ["\n\n"] },
  },
  whole: { summary: "The final line alone", value: { prompt: "Once", stream: false } },
};

/** A stream that ended well. */
export const STREAM = `{"token":"Once"}\n{"token":" upon"}\n` +
  `{"done":true,"content":"Once upon","finish_reason":"length",` +
  `"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n`;

/** A stream that failed. */
export const FAILED_STREAM = `{"token":"Once"}\n${
  JSON.stringify({ error: errorMeanings.truncated.example, code: 500, type: "truncated" })
}\n`;

/** `GET /models`. */
export const MODELS = {
  models: [{ id: "tiny", name: "tiny", path: "/models/tiny.gguf", quant: "Q4_K_M", family: "llama" }],
};

/** `GET /status`. */
export const STATUS = {
  instances: [{
    model_id: "tiny",
    server: "server-1",
    state: "ready",
    last_used_unix: 1_800_000_000,
    est_vram_mb: 640,
    est_source: "file",
    queue_len: 0,
    inflight: 1,
    max_queue_depth: 32,
    expected_wait_ms: 0,
    slots: 4,
    queue_wait_ms_p50: 12,
    loaded_since_unix: 1_799_990_000,
  }],
  servers: [{
    name: "server-1",
    url: "http://127.0.0.1:8081",
    state: "ready",
    kind: "router",
    build: "b1",
    slots: 4,
    running: 1,
    queue_wait_ms: 0,
    vram_used_mb: 640,
    vram_budget_mb: 8_000,
    last_seen_unix: 1_800_000_000,
  }],
  clients: [{ name: "chat", waiting: 0, running: 1 }],
  budget_mb: 8_000,
  used_est_mb: 640,
  margin_mb: 500,
  state: "ready",
  uptime_seconds: 10_000,
  server_time_unix: 1_800_000_000,
  evictions_total: 0,
  loads_total: 1,
  warmups_in_progress: 0,
  draining_count: 0,
};
