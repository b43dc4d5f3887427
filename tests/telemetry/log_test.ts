import type { LogLevel } from "../../src/base/log_level.ts";
import { configureLog, getLogger, inferLogger, type LogOptions, redirectConsole } from "../../src/telemetry/log.ts";
import { assertEquals, assertMatch } from "@std/assert";

/** What `work` logs under these options, line by line. */
function logged(options: LogOptions, work: () => void): string[] {
  const lines: string[] = [];
  configureLog({ ...options, write: (line) => lines.push(line) });
  try {
    work();
  } finally {
    configureLog(undefined);
  }
  return lines;
}

const manager = getLogger("manager");

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

Deno.test("a record with a line of its own for people is that line in text form, and its properties in json", () => {
  const work = () => manager.log("warn", "it ended", { ms: 40 }, () => "200 tiny 40ms");
  assertMatch(logged({ level: "info", format: "text" }, work)[0] ?? "", /^\d\d:\d\d:\d\d\.\d{3} WRN 200 tiny 40ms\n$/);
  const { message, ms } = JSON.parse(logged({ level: "info", format: "json" }, work)[0] ?? "");
  assertEquals([message, ms], ["it ended", 40]);
});

Deno.test("no value can start a line of its own or steer a terminal", () => {
  const hostile = "a\nINF fake\r\x1b[2J\x9b2J\x7f";
  const lines = logged({ level: "info", format: "text" }, () => {
    manager.info(`value ${hostile}`);
    manager.info("property", { hostile, nested: { hostile } });
  });
  assertEquals(lines.length, 2);
  // deno-lint-ignore no-control-regex -- control characters are what it is about
  for (const line of lines) assertMatch(line, /^[^\x00-\x1f\x7f-\x9f]*\n$/);
});

Deno.test("in json form no control character leaves unescaped", () => {
  const [line = ""] = logged({ level: "info", format: "json" }, () => manager.info("a\nb\x1b\x9b\x7f", { c: "\x9b" }));
  // deno-lint-ignore no-control-regex -- control characters are what it is about
  assertMatch(line, /^[^\x00-\x1f\x7f-\x9f]*\n$/);
  const { message, c } = JSON.parse(line);
  assertEquals([message, c], ["a\nb\x1b\x9b\x7f", "\x9b"]);
});

Deno.test("an error is logged with its cause, in json with its stack", () => {
  const error = new TypeError("no", { cause: new Error("because") });
  const [json = ""] = logged({ level: "info", format: "json" }, () => manager.error("failed", { error }));
  const { name, message, stack, cause } = JSON.parse(json).error;
  assertEquals([name, message, cause.message], ["TypeError", "no", "because"]);
  assertMatch(stack, /log_test/);
  const [text = ""] = logged({ level: "info", format: "text" }, () => manager.error("failed", { error }));
  assertMatch(text, / error="TypeError: no"\n$/);
});

Deno.test("a value that JSON cannot hold is logged all the same", () => {
  const cycle: Record<string, unknown> = {};
  cycle["itself"] = cycle;
  const odd = { cycle, big: 1n, nothing: undefined, none: null, list: [1, "two"] };
  for (const format of ["json", "text"] as const) {
    const [line = ""] = logged({ level: "info", format }, () => manager.info("odd", odd));
    assertMatch(line, /itself/);
    assertMatch(line, /big.*1n/);
    assertEquals(line.includes("nothing"), false);
  }
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
