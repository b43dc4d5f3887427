import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { StartReport } from "../../src/cli/start_report.ts";
import type { Readiness, Status } from "../../src/dispatch/status.ts";
import { configureLog } from "../../src/telemetry/log.ts";
import { FakeClock } from "../support/fake_clock.ts";

const URL = "http://127.0.0.1:8080";
const instance = (model_id: string) => ({ model_id, server: "server-1", state: "ready" });
const server = (port: number, slots: number) => ({ state: "ready", url: `http://127.0.0.1:${port}/`, slots });

/** What a report says on the way, with a fleet that is in each of these states for 100 ms and stays in the last. */
async function said(
  states: readonly Readiness[],
  status: { instances: unknown[]; servers: unknown[] },
  hasServers = true,
): Promise<string[]> {
  const lines: string[] = [];
  configureLog({ level: "info", format: "text", write: (line) => lines.push(line.trimEnd().slice(13)) });
  const clock = new FakeClock();
  let readiness = states[0] ?? "ready";
  const fleet = { readiness: () => readiness, status: () => status as unknown as Status };
  try {
    const report = new StartReport({ url: URL, hasServers, fleet, clock });
    report.startIsOver();
    for (const next of states) {
      readiness = next;
      await clock.tick(100);
    }
    await clock.tick(5_000);
    report.close();
    assertEquals(clock.pendingTimers, 0);
  } finally {
    configureLog(undefined);
  }
  return lines;
}

Deno.test("a start that goes well is one line: where, what model on which server, how many slots", async () => {
  const status = { instances: [instance("/models/stories260K.gguf")], servers: [server(8081, 4)] };
  assertEquals(await said(["loading", "ready"], status), [
    `INF ready on ${URL} · stories260K on 127.0.0.1:8081 · 4 slots`,
  ]);
});

Deno.test("several models, servers and slots are counted", async () => {
  const status = { instances: [instance("a"), instance("b"), instance("b")], servers: [server(1, 4), server(2, 2)] };
  assertEquals(await said(["ready"], status), [`INF ready on ${URL} · 2 models on 2 servers · 6 slots`]);
});

Deno.test("a router with nothing loaded has no slots to count", async () => {
  const status = { instances: [instance("a"), instance("b")], servers: [server(8081, 0)] };
  assertEquals(await said(["ready"], status), [`INF ready on ${URL} · 2 models on 127.0.0.1:8081`]);
});

Deno.test("a start that takes longer says first where modeld listens and why it is not ready, once", async () => {
  const status = { instances: [instance("a")], servers: [server(8081, 1)] };
  const states: Readiness[] = [...Array<Readiness>(6).fill("loading"), "unreachable", "ready"];
  assertEquals(await said(states, status), [
    `INF listening on ${URL}, not ready yet: loading`,
    `INF ready on ${URL} · a on 127.0.0.1:8081 · 1 slot`,
  ]);
});

Deno.test("a llama-server that a reload brings is told of", async () => {
  const status = { instances: [instance("a")], servers: [server(8081, 1)] };
  const lines = await said(["not configured", "not configured", "ready"], status, false);
  assertEquals(lines.slice(2), [`INF ready on ${URL} · a on 127.0.0.1:8081 · 1 slot`]);
});

Deno.test("without any llama-server, and without a terminal, one warning says what to set", async () => {
  const [warning = "", listening = "", ...more] = await said(["not configured"], { instances: [], servers: [] }, false);
  assertStringIncludes(warning, "set --llama-url");
  assertMatch(listening, /listening .*url=http/);
  assertEquals(more, []);
});
