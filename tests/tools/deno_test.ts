import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import project from "../../deno.json" with { type: "json" };
import standIns from "../../tools/std/import_map.json" with { type: "json" };

/** How the tasks run `tools/deno.ts`, permissions included. */
const RUNNER = project.tasks.deno.command.replace(/^deno /, "").split(" ");

function tool(args: readonly string[], env: Record<string, string> = { MODELD_STD: "local" }): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [...RUNNER, ...args],
    env: { NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
    stdin: "null",
  });
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("arguments and exit code are passed on", async () => {
  const script = "console.log(JSON.stringify(Deno.args)); Deno.exit(7)";
  const module = `data:text/javascript,${encodeURIComponent(script)}`;
  const { code, stdout } = await tool(["run", "-q", module, "--addr", "a b", "--x=*"]).output();
  assertEquals([code, text(stdout)], [7, '["--addr","a b","--x=*"]\n']);
});

Deno.test("with MODELD_STD=local the stand-ins are used and the network is not", async () => {
  const module = new URL("./std/status_test.ts", import.meta.url).href;
  const { code, stdout, stderr } = await tool(["info", "--json", module]).output();
  assertEquals([code, text(stderr)], [0, ""]);
  assertStringIncludes(text(stdout), "/tools/std/http/status.ts");
  assertEquals(text(stdout).includes("jsr.io"), false);
});

Deno.test("a wrong MODELD_STD ends the task with its value", async () => {
  const { code, stderr } = await tool(["--version"], { MODELD_STD: "npm" }).output();
  assertEquals(code, 2);
  assertMatch(text(stderr), /^MODELD_STD is "npm": .*\n$/);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test({
    name: `${signal} is passed on once, and the program's own exit code comes back`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const script = `let seen = 0;
        Deno.addSignalListener("${signal}", () => { seen++; setTimeout(() => Deno.exit(40 + seen), 50); });
        console.log("ready"); setTimeout(() => Deno.exit(9), 10_000);`;
      const child = tool(["run", "-q", `data:text/javascript,${encodeURIComponent(script)}`]).spawn();
      const reader = child.stdout.getReader();
      assertEquals(text((await reader.read()).value ?? new Uint8Array()), "ready\n");
      child.kill(signal);
      const [{ code }] = await Promise.all([child.status, reader.cancel(), child.stderr.cancel()]);
      assertEquals(code, 41);
    },
  });
}

Deno.test("a program that a signal ends gives 128 and the signal's number", {
  ignore: Deno.build.os === "windows",
}, async () => {
  const module = `data:text/javascript,${encodeURIComponent("Deno.kill(Deno.pid, 'SIGKILL')")}`;
  assertEquals((await tool(["run", "-q", "--allow-run", module]).output()).code, 137);
});

Deno.test("the stand-ins' import map differs from deno.json in @std alone", () => {
  const npm = (imports: object) =>
    Object.fromEntries(Object.entries(imports).filter(([name]) => !name.startsWith("@std/")));
  assertEquals(npm(standIns.imports), npm(project.imports));
});

Deno.test("every @std package has a stand-in, and the versions are exact", () => {
  const packages = Object.entries(project.imports).filter(([name]) => name.startsWith("@std/"));
  for (const [name, specifier] of packages) {
    assertEquals(/^jsr:@std\/[a-z]+@\d+\.\d+\.\d+$/.test(specifier), true, specifier);
    assertEquals(
      Object.keys(standIns.imports).some((module) => module === name || module.startsWith(`${name}/`)),
      true,
    );
  }
});

Deno.test("no task and no permission set grants everything", () => {
  for (const { command } of Object.values(project.tasks)) {
    assertEquals(/(^|\s)(-A|--allow-all)(\s|$)/.test(command), false, command);
  }
  for (const set of Object.values(project.permissions)) assertEquals("all" in set, false);
});
