import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Daemon } from "../tests/support/daemon.ts";
import { freePort } from "../tests/support/real_llama_server.ts";

/** A check that waits for nobody, in vain. */
function checkInVain(): string[] {
  return ["check", "--llama-url", `http://127.0.0.1:${freePort()}`, "--preflight-wait", "1s"];
}

/** What the command writes to a terminal of its own (`script` is part of every Debian). */
async function onTerminal(command: readonly string[]): Promise<string> {
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const { stdout } = await new Deno.Command("script", { args: ["-qec", quoted, "/dev/null"], stdin: "null" }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test("on a terminal the preflight shows what it waits for on one line, and clears it before the next", async () => {
  const shown = await onTerminal(Daemon.command(checkInVain()));
  const progress = shown.split("\r\x1b[K").filter((text) => text.startsWith("waiting for llama-server, "));
  assert(progress.length > 1, shown);
  for (const line of progress) assert(line.trim().length < 80, line);
  assertStringIncludes(shown, "\r\x1b[K\rllama-server reachable: NOT OK");
});

Deno.test("without a terminal there is no progress, and nothing that steers one", async () => {
  const process = Daemon.spawn({ args: checkInVain() });
  assertEquals((await process.exited).code, 1);
  assertEquals(process.lines.filter((line) => line.includes("waiting") || line.includes("\x1b")), []);
});
