import { assertEquals } from "@std/assert";
import type { InferenceResult } from "../../src/telemetry/inference_observer.ts";
import { inferenceLog } from "../../src/telemetry/inference_log.ts";
import { configureLog } from "../../src/telemetry/log.ts";
import type { LogLevel } from "../../src/base/log_level.ts";
import { Timeline, type TimelineOptions } from "../../src/base/timeline.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** The lines of one inference that queued 10 ms, had its first token after 40 ms more, and ended so. */
function linesOf(result: InferenceResult, level: LogLevel = "info", options: TimelineOptions = {}) {
  const lines: Record<string, unknown>[] = [];
  configureLog({ level, format: "json", write: (line) => lines.push(JSON.parse(line)) });
  try {
    const clock = new FakeClock();
    const timeline = new Timeline("r-1", clock, options);
    inferenceLog.started(timeline);
    timeline.enter("queue");
    timeline.model = "m";
    clock.advance(10);
    timeline.enter("prefill");
    clock.advance(40.04);
    timeline.received(1);
    clock.advance(20);
    timeline.end();
    inferenceLog.ended(timeline, result);
  } finally {
    configureLog(undefined);
  }
  return lines.map(({ "@timestamp": _, ...line }) => line);
}

Deno.test("an inference is one line at its start and one at its end, with all that is known", () => {
  const usage = { promptTokens: 3, completionTokens: 2, totalTokens: 5 };
  assertEquals(linesOf({ outcome: "ok", status: 200, usage, finishReason: "stop" }), [
    { level: "INFO", message: "inference started", logger: "modeld.infer", request_id: "r-1" },
    {
      level: "INFO",
      message: "inference ended",
      logger: "modeld.infer",
      request_id: "r-1",
      model: "m",
      client: "other",
      priority: "default",
      outcome: "ok",
      stage: "stream",
      status: 200,
      finish_reason: "stop",
      prompt_tokens: 3,
      completion_tokens: 2,
      fragments: 1,
      queue_ms: 10,
      load_ms: 0,
      slot_ms: 0,
      first_token_ms: 50,
      total_ms: 70,
      overhead_ms: 20,
    },
  ]);
});

Deno.test("a failure's line holds its type, its message and llama-server's own type", () => {
  const error = { kind: "upstream_invalid" as const, message: "too long", upstreamType: "exceed_context_size_error" };
  const line = linesOf({ outcome: "invalid", status: 400, error }).at(-1);
  assertEquals([line?.["outcome"], line?.["type"], line?.["error"], line?.["upstream_type"], line?.["status"]], [
    "invalid",
    "upstream_invalid",
    "too long",
    "exceed_context_size_error",
    400,
  ]);
});

Deno.test("what llama-server did wrong is an error, what the operator may have to tune a warning, the rest news", () => {
  const levelOf = (outcome: InferenceResult["outcome"]) => linesOf({ outcome, status: 0 }).at(-1)?.["level"];
  assertEquals(levelOf("cancelled"), "INFO");
  assertEquals(levelOf("invalid"), "INFO");
  assertEquals(levelOf("rejected"), "WARN");
  assertEquals(levelOf("timeout"), "WARN");
  assertEquals(levelOf("shutdown"), "WARN");
  assertEquals(levelOf("upstream_error"), "ERROR");
  assertEquals(levelOf("truncated"), "ERROR");
});

Deno.test("a client's own level governs both lines", () => {
  assertEquals(linesOf({ outcome: "truncated", status: 200 }, "debug", { logLevel: "off" }), []);
  assertEquals(linesOf({ outcome: "ok", status: 200 }, "off", { logLevel: "info" }).length, 2);
});
