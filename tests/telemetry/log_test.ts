import { assertEquals, assertMatch } from "@std/assert";
import { getLogger, resetSync } from "@logtape/logtape";
import { redirectConsole } from "../../src/telemetry/console_log.ts";
import { configureLog, inferLogger, type LogOptions } from "../../src/telemetry/log.ts";
import type { LogLevel } from "../../src/telemetry/log_level.ts";

/** What `work` logs under these options, line by line. */
function logged(options: LogOptions, work: () => void): string[] {
  const lines: string[] = [];
  configureLog({ ...options, write: (line) => lines.push(line) });
  try {
    work();
  } finally {
    resetSync();
  }
  return lines;
}

const manager = getLogger(["modeld", "manager"]);

Deno.test("in json form each record is one line of JSON with its properties beside its message", () => {
  const [line = "", ...more] = logged({ level: "info", format: "json" }, () => {
    manager.warn("llama-server lost\nfor now", { url: "http://127.0.0.1:8081", tries: 3 });
  });
  assertEquals(more, []);
  assertMatch(line, /^\{.*\}\n$/);
  const { "@timestamp": time, ...rest } = JSON.parse(line);
  assertMatch(time, /^\d{4}-\d\d-\d\dT/);
  assertEquals(rest, {
    level: "WARN",
    message: "llama-server lost\nfor now",
    logger: "modeld.manager",
    url: "http://127.0.0.1:8081",
    tries: 3,
  });
});

Deno.test("in text form each record is one readable line", () => {
  const [line = ""] = logged({ level: "info", format: "text" }, () => {
    manager.info("model loaded", { model: "tiny", ms: 40, reason: undefined, note: "two words" });
  });
  assertMatch(line, /^\d\d:\d\d:\d\d\.\d{3} INF modeld\.manager: model loaded model=tiny ms=40 note="two words"\n$/);
});

Deno.test("in text form a value that stands in the message is not repeated after it", () => {
  const [line = ""] = logged(
    { level: "info", format: "text" },
    () => manager.info("loaded {model}", { model: "tiny" }),
  );
  assertMatch(line, /: loaded tiny\n$/);
});

Deno.test("no value can start a line of its own or steer a terminal", () => {
  const hostile = "a\nINF fake\r\x1b[2J\x9b2J\x7f";
  const lines = logged({ level: "info", format: "text" }, () => {
    manager.info("value {hostile}", { hostile });
    manager.info("property", { hostile, nested: { hostile } });
  });
  assertEquals(lines.length, 2);
  // deno-lint-ignore no-control-regex -- control characters are what it is about
  for (const line of lines) assertMatch(line, /^[^\x00-\x1f\x7f-\x9f]*\n$/);
});

Deno.test("each level shows what is at least that grave", () => {
  const shown = (level: LogLevel) =>
    logged({ level, format: "json" }, () => {
      manager.error("error");
      manager.warn("warn");
      manager.info("info");
      manager.debug("debug");
    }).map((line) => JSON.parse(line).message);
  assertEquals(shown("off"), []);
  assertEquals(shown("error"), ["error"]);
  assertEquals(shown("warn"), ["error", "warn"]);
  assertEquals(shown("info"), ["error", "warn", "info"]);
  assertEquals(shown("debug"), ["error", "warn", "info", "debug"]);
});

Deno.test("a client decides for its own inference alone, in both directions", () => {
  const messages = (level: LogLevel, requested: LogLevel | undefined) =>
    logged({ level, format: "json" }, () => {
      manager.info("manager info");
      manager.debug("manager debug");
      inferLogger(requested).info("info");
      inferLogger(requested).debug("debug");
    }).map((line) => JSON.parse(line).message);
  assertEquals(messages("info", undefined), ["manager info", "info"]);
  assertEquals(messages("info", "debug"), ["manager info", "info", "debug"]);
  assertEquals(messages("info", "off"), ["manager info"]);
  assertEquals(messages("info", "error"), ["manager info"]);
  assertEquals(messages("off", "debug"), ["info", "debug"]);
  assertEquals(messages("debug", "info"), ["manager info", "manager debug", "info"]);
});

Deno.test("an inference's log has the same name at every level", () => {
  const names = logged({ level: "info", format: "json" }, () => {
    inferLogger(undefined).info("a");
    inferLogger("debug").info("b");
  }).map((line) => JSON.parse(line).logger);
  assertEquals(names, ["modeld.infer", "modeld.infer"]);
});

Deno.test("whether debug is on can be asked before a line is built", () => {
  logged({ level: "info", format: "json" }, () => {
    assertEquals(inferLogger(undefined).isEnabledFor("debug"), false);
    assertEquals(inferLogger("debug").isEnabledFor("debug"), true);
  });
});

Deno.test("what others write to the console comes into the log, and is let go again", () => {
  const before = console.warn;
  const lines = logged({ level: "debug", format: "json" }, () => {
    using _ = redirectConsole();
    console.warn("for %s", { developers: true });
    console.error("an error");
  }).map((line) => JSON.parse(line));
  assertEquals(lines.map(({ level, logger, text }) => [level, logger, text]), [
    ["DEBUG", "modeld.console", "for %s { developers: true }"],
    ["WARN", "modeld.console", "an error"],
  ]);
  assertEquals(console.warn, before);
});
