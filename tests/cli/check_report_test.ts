import { assertEquals } from "@std/assert";
import { CheckReport } from "../../src/cli/check_report.ts";
import type { FleetCheckResult } from "../../src/upstream/fleet_preflight.ts";

const FINE: FleetCheckResult = { name: "model list", status: "OK", ms: 4, detail: "tiny" };
const FAILED: FleetCheckResult = {
  name: "llama-server reachable",
  status: "NOT OK",
  ms: 1_040,
  detail: "it is loading",
  remedy: "Give it time",
};
const unmade = (name: string): FleetCheckResult => ({
  name,
  status: "SKIPPED",
  ms: 0,
  detail: 'it needs "llama-server reachable"',
  needs: "llama-server reachable",
});

/** What is printed of these results, line by line. */
function printed(results: readonly FleetCheckResult[], servers: readonly string[] = ["one"], colors = false): string[] {
  let text = "";
  const report = new CheckReport(servers, (more) => text += more, colors);
  for (const result of results) report.add(result);
  const isWell = results.every(({ status }) => status !== "NOT OK");
  report.end({ isWell, canServe: isWell || servers.length > 1 }, 56);
  return text.trimEnd().split("\n");
}

Deno.test("each check is a line in columns with what it cost, and the last line is the verdict", () => {
  const none: FleetCheckResult = { name: "default model", status: "SKIPPED", ms: 0, detail: "none is set" };
  assertEquals(printed([FINE, { ...FINE, name: "dry run", ms: 12_300 }, none]), [
    "✓ model list                  4ms  tiny",
    "✓ dry run                   12.3s  tiny",
    "– default model                    none is set",
    "",
    "✓ all is well: 2 passed, 1 left out, in 56ms",
  ]);
});

Deno.test("one failure stands out: its remedy is below it, and what needs it is one line at the end", () => {
  assertEquals(printed([FAILED, unmade("model list"), unmade("dry run")]), [
    "✗ llama-server reachable    1.04s  it is loading",
    "                                   → Give it time",
    "– not checked without llama-server reachable: model list, dry run",
    "",
    "✗ llama-server reachable failed: 0 passed, 2 left out, in 56ms",
  ]);
});

Deno.test("of several servers each line names its own, and the verdict says which failed", () => {
  const lines = printed([{ server: "gpu0", ...FINE }, { server: "b", ...FAILED }], ["gpu0", "b"]);
  assertEquals([lines[0], lines[1], lines.at(-1)], [
    "✓ gpu0  model list                  4ms  tiny",
    "✗ b     llama-server reachable    1.04s  it is loading",
    "✗ b: llama-server reachable failed; modeld can serve with the other servers: 1 passed, in 56ms",
  ]);
});

Deno.test("colours are of the marks alone", () => {
  const [line] = printed([FINE], ["one"], true);
  assertEquals(line, "\x1b[32m✓\x1b[0m model list                  4ms  tiny");
});

Deno.test("what a server says of itself can neither steer the terminal nor begin a line of its own", () => {
  const detail = "\x1b[2J\x9b1A\n✓ all is well";
  const lines = printed([{ ...FAILED, detail, remedy: "read\rthis" }], ["one\x07", "two"]);
  assertEquals(lines.filter((line) => /\p{Cc}/u.test(line)), []);
  assertEquals(lines.some((line) => line.startsWith("✓")), false);
});
