import { assertEquals, assertStringIncludes } from "@std/assert";
import { SpawnedProcess } from "../support/spawned_process.ts";

async function fail(way: "rejection" | "exception"): Promise<{ code: number; stdout: readonly string[]; log: string }> {
  const probe = new URL("last_resort_probe.ts", import.meta.url).pathname;
  const process = new SpawnedProcess(Deno.execPath(), ["run", "-q", "--no-prompt", "--no-lock", probe, way]);
  const { code } = await process.exited;
  return { code, stdout: process.stdoutLines, log: process.stderrLines.join("\n") };
}

Deno.test("a rejection that nobody waits for is logged with its stack, and the process goes on", async () => {
  const { code, stdout, log } = await fail("rejection");
  assertEquals([code, stdout], [0, ["still here"]]);
  for (const words of ["unhandled rejection", "nobody waits for this", "last_resort_probe.ts"]) {
    assertStringIncludes(log, words);
  }
});

Deno.test("an exception that nobody catches is logged with its stack, and the process is asked to stop", async () => {
  const { code, stdout, log } = await fail("exception");
  assertEquals([code, stdout], [0, ["asked to stop", "still here"]]);
  for (const words of ["uncaught exception", "nobody catches this", "last_resort_probe.ts"]) {
    assertStringIncludes(log, words);
  }
});
