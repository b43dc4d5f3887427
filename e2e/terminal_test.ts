import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Daemon } from "../tests/support/daemon.ts";
import { SpawnedProcess } from "../tests/support/spawned_process.ts";
import { freePort } from "../tests/support/ports.ts";

/** A check that waits for nobody, in vain. */
function checkInVain(): string[] {
  return ["check", "--llama-url", `http://127.0.0.1:${freePort()}`, "--preflight-wait", "1s"];
}

/** What the command writes to a terminal of its own (`script` is part of every Debian). */
async function onTerminal(command: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const args = ["-qec", quoted(command), "/dev/null"];
  const { stdout } = await new Deno.Command("script", { args, stdin: "null", env }).output();
  return new TextDecoder().decode(stdout);
}

/** As a shell reads it. */
function quoted(command: readonly string[]): string {
  return command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}

Deno.test("on a terminal the preflight shows what it waits for on one line, and clears it before the next", async () => {
  const shown = await onTerminal(Daemon.command(checkInVain()), { NO_COLOR: "1" });
  const progress = shown.split("\r\x1b[K").filter((text) => text.startsWith("waiting for llama-server, "));
  assert(progress.length > 1, shown);
  for (const line of progress) assert(line.trim().length < 80, line);
  assertStringIncludes(shown, "\r\x1b[K\r✗ llama-server reachable");
});

Deno.test("on a terminal a bare modeld says on one screen what to do next, and warns of nothing", async () => {
  const modeld = `echo "pid $$"; exec ${quoted(Daemon.command(["--addr", "127.0.0.1:0"]))}`;
  const terminal = new SpawnedProcess("script", ["-qefc", modeld, "/dev/null"]);
  const [, pid = ""] = await terminal.line(/pid (\d+)/);
  await terminal.line(/Ctrl\+C/);
  // It would outlive its terminal, whose end is a SIGHUP: for modeld that means to reload.
  await new Deno.Command("kill", { args: [pid] }).output();
  await terminal.exited;
  const screen = terminal.stdoutLines.join("\n");
  for (const words of ["modeld demo", "llama-server -m", "modeld --llama-url", "modeld check"]) {
    assertStringIncludes(screen, words);
  }
  assertEquals(screen.includes("WRN"), false, screen);
  assert(screen.split("\n").length <= 24, screen);
});

Deno.test("status --watch draws each picture in the place of the one before, and tries again when modeld is gone", async () => {
  const modeld = await Daemon.start();
  const watch = Daemon.command(["status", "--watch", "--addr", modeld.url.host]);
  const terminal = new SpawnedProcess("script", ["-qefc", quoted(watch), "/dev/null"]);
  try {
    await terminal.line(/modeld .* · not ready · /);
    await terminal.line(/\[\d+A\r?modeld .* · not ready · /);
    await modeld.stop();
    await terminal.line(/; trying again/);
  } finally {
    await terminal.stop();
    await modeld.stop("SIGKILL");
  }
});

Deno.test("a check has colours on a terminal, and none where NO_COLOR is set", async () => {
  const coloured = await onTerminal(Daemon.command(["check"]), { NO_COLOR: "" });
  assertStringIncludes(coloured, "\x1b[31m✗\x1b[0m llama-server configured");
  const plain = await onTerminal(Daemon.command(["check"]), { NO_COLOR: "1" });
  assert(!plain.includes("\x1b[31m") && plain.includes("✗ llama-server configured"), plain);
});

Deno.test("without a terminal there is no progress, and nothing that steers one", async () => {
  const process = Daemon.spawn({ args: checkInVain() });
  assertEquals((await process.exited).code, 1);
  assertEquals(process.lines.filter((line) => line.includes("waiting") || line.includes("\x1b")), []);
});
