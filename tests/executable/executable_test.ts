import { assert, assertEquals, assertMatch } from "@std/assert";
import { TextLineStream } from "@std/streams/text-line-stream";
import { LEAST_PRIVILEGE } from "../tools/least_privilege.ts";
import { eventually } from "../support/eventually.ts";

/** The executable: what `MODELD_BIN` names, else what `deno task compile` wrote. */
const EXECUTABLE = Deno.env.get("MODELD_BIN") ?? new URL("../../dist/modeld", import.meta.url).pathname;

/** How long a start may take until it listens, in ms, where nothing else keeps the machine busy. */
const START_LIMIT = 250;

/** Runs a test in a folder that holds nothing. */
async function inEmptyFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "modeld-empty-" });
  try {
    await run(folder);
    assertEquals(await Array.fromAsync(Deno.readDir(folder)), [], "it left something behind");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A command that finds no other program, no file of the project and no variable but `HOME`. */
function alone(program: string, cwd: string, args: readonly string[] = []): Deno.Command {
  return new Deno.Command(program, {
    args: [...args],
    cwd,
    clearEnv: true,
    env: { HOME: cwd, TMPDIR: cwd },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function untilReady(url: string): Promise<void> {
  await eventually("it is ready", async () => {
    const reply = await fetch(`${url}/readyz`);
    await reply.body?.cancel();
    return reply.ok;
  });
}

/** Starts it, asks for `path`, stops it. */
async function startOnce(
  cwd: string,
  path = "/healthz",
  { args = [], request = {} }: { args?: readonly string[]; request?: RequestInit } = {},
): Promise<{ milliseconds: number; answer: string; code: number }> {
  const begin = performance.now();
  const process = alone(EXECUTABLE, cwd, [...args, "--addr", "127.0.0.1:0"]).spawn();
  const lines = process.stderr.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  let url: string | undefined;
  for await (const line of lines.values({ preventCancel: true })) {
    url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (url !== undefined) break;
  }
  const milliseconds = performance.now() - begin;
  if (url !== undefined && request.method === "POST") await untilReady(url);
  const answer = url === undefined ? "it never listened" : await (await fetch(`${url}${path}`, request)).text();
  process.kill();
  const [{ code }] = await Promise.all([process.status, lines.cancel(), process.stdout.cancel()]);
  return { milliseconds, answer, code };
}

Deno.test("the executable starts from an empty folder, with nothing else on the machine to help it", async () => {
  await inEmptyFolder(async (folder) => {
    const { answer, code } = await startOnce(folder);
    assertEquals([answer.trim(), code], ["ok", 0]);
  });
});

Deno.test(`the executable listens within ${START_LIMIT} ms`, async () => {
  await inEmptyFolder(async (folder) => {
    let fastest = Infinity;
    // A busy machine only adds: one start within the limit shows what the executable itself needs.
    for (let i = 0; i < 20 && fastest >= START_LIMIT; i++) {
      fastest = Math.min(fastest, (await startOnce(folder)).milliseconds);
    }
    assert(fastest < START_LIMIT, `the fastest of twenty starts took ${fastest} ms`);
  });
});

Deno.test("the executable holds what it loads on demand: the API description, the parsers of config files", async () => {
  await inEmptyFolder(async (folder) => {
    const { answer } = await startOnce(folder, "/openapi.json");
    assertEquals(JSON.parse(answer).info.title, "modeld");
  });
  for (const [file, text] of [["modeld.yaml", "max_queue_depth: 7"], ["modeld.toml", "max_queue_depth = 7"]] as const) {
    const folder = await Deno.makeTempDir({ prefix: "modeld-config-" });
    try {
      await Deno.writeTextFile(`${folder}/${file}`, text);
      const { stdout } = await alone(EXECUTABLE, folder, ["--config", file, "--print-config"]).output();
      assertMatch(new TextDecoder().decode(stdout), /^max_queue_depth: 7\s/m);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
});

Deno.test("the executable's demo tells a story, with nothing else on the machine to help it", async () => {
  await inEmptyFolder(async (folder) => {
    const body = JSON.stringify({ prompt: "Once upon a time", max_tokens: 3, temperature: 0, stream: false });
    const request = { method: "POST", headers: { "content-type": "application/json" }, body };
    const { answer, code } = await startOnce(folder, "/infer", { args: ["demo"], request });
    assertMatch(JSON.parse(answer).content, /^, there /);
    assertEquals(code, 0);
  });
});

Deno.test("the executable's permissions forbid running programs, writing files and reading others' variables", async () => {
  const folder = await Deno.makeTempDir({ prefix: "modeld-probe-" });
  try {
    const probe = await compileProbe(folder);
    await inEmptyFolder(async (empty) => {
      const { stdout } = await alone(probe, empty).output();
      assertEquals(JSON.parse(new TextDecoder().decode(stdout)), LEAST_PRIVILEGE);
    });
    assertEquals(await grantedPermissions(EXECUTABLE), await grantedPermissions(probe));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Compiles the permission probe just as `deno task compile` compiles modeld. */
async function compileProbe(folder: string): Promise<string> {
  const output = `${folder}/probe`;
  const args = ["task", "-q", "compile", "--output", output, "--entry", "tests/tools/permission_probe.ts"];
  const { code, stderr } = await new Deno.Command("deno", { args, stderr: "piped" }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return output;
}

/** What Deno wrote into an executable about its permissions. */
async function grantedPermissions(executable: string): Promise<string> {
  const text = new TextDecoder("latin1").decode(await Deno.readFile(executable));
  const [found] = /"permissions":\{[^}]*\}/.exec(text) ?? [];
  assert(found !== undefined, "it holds no permissions where Deno 2.8 and 2.9 put them");
  return found;
}
