import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import project from "../../deno.json" with { type: "json" };
import { SpawnedProcess } from "../../tests/support/spawned_process.ts";
import { hostTarget } from "../../tools/release/host_target.ts";
import { buildEnvironment } from "./build_environment.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const HOST = hostTarget();

const MAKE_RELEASE = ["task", "-q", "deno", "run", "-q", "-P=release", "--no-prompt", "tools/release/compile_all.ts"];

async function run(program: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const process = new SpawnedProcess(program, args, env);
  const { code } = await process.exited;
  assertEquals(code, 0, process.lines.join("\n"));
  return process.stdoutLines.join("\n");
}

Deno.test("a release for this system, as compile_all makes it, is installed by its own install.sh", async () => {
  const folder = await Deno.makeTempDir();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const name = new URL(request.url).pathname.split("/").at(-1);
    return new Response(await Deno.readFile(`${ROOT}dist/release/${name}`));
  });
  try {
    const releases = `http://127.0.0.1:${server.addr.port}`;
    const options = ["--tag", `v${project.version}`, "--releases", releases, "--target", HOST];
    await run(Deno.execPath(), [...MAKE_RELEASE, ...options], buildEnvironment());

    await run("sh", [`${ROOT}dist/release/install.sh`, "--to", `${folder}/bin`]);
    assertMatch(await run(`${folder}/bin/modeld`, ["--version"]), new RegExp(`^modeld ${project.version}\n`));

    const archived = await run("tar", ["-tzf", `${ROOT}dist/release/modeld-${HOST}.tar.gz`]);
    for (const name of ["README.md", "LICENSE", "completions/modeld.zsh", "config-examples/modeld.yaml"]) {
      assertStringIncludes(archived, name);
    }
    const bill = JSON.parse(await Deno.readTextFile(`${ROOT}dist/release/modeld.cdx.json`));
    const names = (bill.components as { name: string }[]).map(({ name }) => name);
    assertEquals([names.includes("zod"), names.includes("fast-check")], [true, false]);
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a release whose tag is not the version in deno.json is not made", async () => {
  const process = new SpawnedProcess(Deno.execPath(), [...MAKE_RELEASE, "--tag", "v0.0.0-none"]);
  assertEquals((await process.exited).code, 2);
  assertStringIncludes(process.stderrLines.join("\n"), `is not the version in deno.json, v${project.version}`);
});
