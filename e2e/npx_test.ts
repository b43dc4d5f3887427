import { assertEquals, assertStringIncludes } from "@std/assert";
import { eventually } from "../tests/support/eventually.ts";
import { freePort, listens } from "../tests/support/ports.ts";
import { SpawnedProcess } from "../tests/support/spawned_process.ts";

/** A task as README.md has it started, in a process group of its own. */
function npx(deno: string, ...args: readonly string[]): SpawnedProcess {
  return new SpawnedProcess("setsid", ["npx", "-y", `deno@${deno}`, "task", ...args], { MODELD_STD: "local" });
}

async function endGroup(leader: number): Promise<void> {
  await new Deno.Command("kill", { args: ["-KILL", "--", `-${leader}`], stderr: "null" }).output();
}

for (const task of ["start", "dev"]) {
  Deno.test(`SIGTERM to "npx deno task ${task}" lets modeld end in order, and leaves nothing that listens`, async () => {
    const port = freePort();
    const process = npx(Deno.version.deno, task, "--addr", `127.0.0.1:${port}`);
    try {
      await process.line(task === "start" ? /"listening"/ : /ready\. It starts anew/);
      assertEquals(await listens(port), true);
      process.signal("SIGTERM");
      await eventually("nothing listens", async () => !await listens(port), 5_000);
      await eventually("all of it is gone", () => process.exit !== undefined, 5_000);
      if (task === "start") assertStringIncludes(process.lines.join("\n"), '"stopped"');
    } finally {
      await endGroup(process.pid);
      await process.exited;
    }
  });
}

Deno.test("modeld refuses to start on Deno 2.8.3, and says which one to take", async () => {
  const process = npx("2.8.3", "start", "--addr", "127.0.0.1:0");
  assertEquals((await process.exited).code, 1);
  assertStringIncludes(process.lines.join("\n"), "modeld: cannot serve on Deno 2.8.3");
});
