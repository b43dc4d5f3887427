import { assertEquals } from "@std/assert";
import { logLifecycle } from "../../src/dispatch/lifecycle_log.ts";
import { configureLog } from "../../src/telemetry/log.ts";

/** What is logged at debug. */
function logged(log: () => void): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  configureLog({ level: "debug", format: "json", write: (line) => lines.push(JSON.parse(line)) });
  try {
    log();
  } finally {
    configureLog(undefined);
  }
  return lines;
}

Deno.test("a lifecycle event is logged as a sentence, with its name and the server in fields", () => {
  const [line] = logged(() => logLifecycle("gpu0", { event: "server_lost", reason: "connection refused" }, false));
  const { level, message, event, server, reason } = line ?? {};
  assertEquals([level, message, event, server, reason], [
    "WARN",
    "a llama-server was lost",
    "server_lost",
    "gpu0",
    "connection refused",
  ]);
});

Deno.test("a server that is found is news only where it had been lost", () => {
  const found = { event: "server_found", kind: "single" } as const;
  const lines = logged(() => {
    logLifecycle("gpu0", found, false);
    logLifecycle("gpu0", found, true);
  });
  assertEquals(lines.map(({ level }) => level), ["DEBUG", "INFO"]);
});
