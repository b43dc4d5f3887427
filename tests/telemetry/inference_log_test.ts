import { assert, assertEquals } from "@std/assert";
import type { InferenceResult } from "../../src/telemetry/inference_observer.ts";
import { inferenceLog } from "../../src/telemetry/inference_log.ts";
import { LimitedLog } from "../../src/telemetry/limited_log.ts";
import { configureLog, getLogger, type LogFormat } from "../../src/telemetry/log.ts";
import type { LogLevel } from "../../src/base/log_level.ts";
import { Timeline, type TimelineOptions } from "../../src/base/timeline.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** What an inference was like that is logged. */
interface Run {
  readonly level?: LogLevel;
  readonly format?: LogFormat;
  readonly options?: TimelineOptions;
  readonly details?: Partial<Pick<Timeline, "path" | "address" | "client" | "server" | "placement" | "model">>;
  /** How many of its kind there are, one after another. */
  readonly times?: number;
}

/** The lines of inferences that queued 10 ms, had their first token after 40 ms more, and ended so. */
function textOf(result: InferenceResult, { level = "info", format = "json", options = {}, details, times = 1 }: Run) {
  const lines: string[] = [];
  configureLog({ level, format, write: (line) => lines.push(line) });
  const clock = new FakeClock();
  const refusals = new LimitedLog(getLogger("http"), { lines: 2, windowMs: 1_000 }, clock);
  const log = inferenceLog(refusals);
  try {
    for (let n = 0; n < times; n++) {
      const timeline = new Timeline("r-1", clock, options);
      Object.assign(timeline, { path: "/infer", address: "192.0.2.1" }, details);
      log.started(timeline);
      timeline.enter("queue");
      timeline.model ??= "m";
      clock.advance(10);
      timeline.enter("prefill");
      clock.advance(40.04);
      timeline.received(1);
      clock.advance(20);
      timeline.end();
      log.ended(timeline, result);
    }
    refusals.close();
    assertEquals(clock.pendingTimers, 0);
  } finally {
    configureLog(undefined);
  }
  return lines;
}

function linesOf(result: InferenceResult, run: Run = {}): Record<string, unknown>[] {
  return textOf(result, run).map((text) => {
    const { "@timestamp": _, ...line } = JSON.parse(text);
    return line;
  });
}

/** The one line for people, without its time. */
function lineOf(result: InferenceResult, details: Run["details"] = {}): string | undefined {
  return textOf(result, { format: "text", details })[0]?.trimEnd().slice("00:00:00.000 ".length);
}

const usage = { promptTokens: 5, completionTokens: 60, totalTokens: 65 };

Deno.test("for people the end is one line that fits into 100 columns", () => {
  const details = { path: "/v1/chat/completions", model: "/models/stories.gguf", client: "chat", server: "gpu0" };
  const timings = { predicted_per_second: 57.3 };
  const line = lineOf({ outcome: "ok", status: 200, usage, timings }, details);
  assertEquals(line, "INF 200 /v1/chat stories 5→60 tok 70ms 57 tok/s first 50ms queue 10ms chat@gpu0");
  const long = lineOf({ outcome: "ok", status: 200, usage, timings }, { ...details, model: "m".repeat(80) }) ?? "";
  assert("00:00:00.000 ".length + long.length <= 100, long);
});

Deno.test("for people the end of a client without a name names its address, and that of a failure says why", () => {
  const error = { kind: "queue_full" as const, message: "32 requests wait" };
  assertEquals(
    lineOf({ outcome: "rejected", status: 429, error }),
    "WRN 429 /infer m queue_full →1 tok 70ms first 50ms queue 10ms 192.0.2.1: 32 requests wait (request r-1)",
  );
  const gone = { kind: "cancelled" as const, message: "the client left" };
  assertEquals(
    lineOf({ outcome: "cancelled", status: 499, error: gone }, { client: "chat" }),
    "INF 499 /infer m cancelled →1 tok 70ms first 50ms queue 10ms chat",
  );
});

Deno.test("no name can begin a line of its own", () => {
  assertEquals(lineOf({ outcome: "ok", status: 200 }, { model: "a\nb", client: "c\x1bd" })?.includes("\\n"), true);
});

Deno.test("refused inferences are logged up to a limit, and then counted; others always", () => {
  const messages = (status: number) => {
    const lines = linesOf({ outcome: "rejected", status }, { times: 5 });
    return [lines.filter(({ message }) => message === "inference ended").length, lines.at(-1)?.["left_out"]];
  };
  for (const status of [401, 403, 404, 429]) assertEquals(messages(status), [2, 3]);
  for (const status of [200, 400, 503]) assertEquals(messages(status), [5, undefined]);
});

Deno.test("an inference is one line at its end, with all that is known, and at debug one at its start", () => {
  const usage = { promptTokens: 3, completionTokens: 2, totalTokens: 5 };
  const timings = { cache_n: 1, prompt_n: 2 };
  const [started, ended, ...more] = linesOf({ outcome: "ok", status: 200, usage, timings, finishReason: "stop" }, {
    level: "debug",
    details: { server: "gpu0", placement: { reason: "warm", expectedTokens: 2.4 } },
  });
  assertEquals(more, []);
  assertEquals(started, {
    level: "DEBUG",
    message: "inference started",
    logger: "modeld.infer",
    request_id: "r-1",
  });
  assertEquals([ended], [
    {
      level: "INFO",
      message: "inference ended",
      logger: "modeld.infer",
      request_id: "r-1",
      path: "/infer",
      model: "m",
      client: "other",
      address: "192.0.2.1",
      priority: "default",
      server: "gpu0",
      placement: "warm",
      expected_cache_tokens: 2,
      cache_tokens: 1,
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
  const lines = (level: LogLevel, logLevel: LogLevel) =>
    linesOf({ outcome: "truncated", status: 200 }, { level, options: { logLevel } }).length;
  assertEquals([lines("debug", "off"), lines("off", "info"), lines("off", "debug")], [0, 1, 2]);
});
