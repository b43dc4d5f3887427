import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { freePort } from "../../tests/support/ports.ts";
import { SpawnedProcess } from "../../tests/support/spawned_process.ts";
import { FakeLlamaHttpServer } from "../../tests/support/fake_llama_http_server.ts";
import { buildEnvironment } from "./build_environment.ts";
import { type Instruction, readStages } from "./containerfile.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const CONTAINERFILE = await Deno.readTextFile(`${ROOT}deploy/container/Containerfile`);
const [BUILD = [], IMAGE = []] = readStages(CONTAINERFILE);

/** The libraries of the image's base (Debian's libc6 and libgcc-s1) that a program may ask for. */
const BASE_LIBRARIES =
  /^(linux-vdso\.so|ld-linux-[\w-]+\.so|lib(c|dl|m|pthread|rt)\.so|libgcc_s\.so)\.\d+$|^ld-linux-[\w-]+\.so\.\d+$/;

/** A user that owns nothing; the image's `nonroot` has this id. */
const NOBODY = "65532:65532";

Deno.test("the Containerfile's steps, in an empty folder, make an executable that runs in its bare image", async () => {
  const folder = await Deno.makeTempDir();
  const llama = await FakeLlamaHttpServer.start();
  try {
    await build(`${folder}/src`);
    const image = `${folder}/image`;
    await assemble(`${folder}/src`, image);

    assertMatch((await run(inImage(image, ["--version"]))).stdout, /^modeld \d/);
    const env = { MODELD_ADDR: `0.0.0.0:${freePort()}`, LLAMA_URL: llama.url.href };
    const modeld = new SpawnedProcess("sh", ["-c", `exec ${inImage(image, [])}`], env);
    await modeld.line(/"ready"/);
    const health = inImage(image, argumentsOf("HEALTHCHECK"));
    assertEquals((await run(health, env)).code, 0, modeld.lines.join("\n"));
    assertEquals(await modeld.stop(), { code: 0, signal: null });
    assertEquals((await run(health, env)).code, 1);
  } finally {
    await llama.close();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the image runs modeld as a user without rights", () => {
  assertEquals(IMAGE.find(({ name }) => name === "USER")?.argument, "nonroot");
  assertStringIncludes(IMAGE[0]?.argument ?? "", ":nonroot");
  assertEquals(argumentsOf("ENTRYPOINT"), []);
});

Deno.test("nothing reaches the build but what the Containerfile copies", async () => {
  const ignore = await Deno.readTextFile(`${ROOT}deploy/container/Containerfile.dockerignore`);
  const letIn = ignore.split("\n").filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  assertEquals(letIn.sort(), copiedPaths(BUILD).sort());
});

/** Carries out the build stage's COPY and RUN. */
async function build(folder: string): Promise<void> {
  await Deno.mkdir(folder);
  await run(`cd '${ROOT}' && cp -r ${copiedPaths(BUILD).join(" ")} '${folder}'`);
  for (const { name, argument } of BUILD) {
    if (name !== "RUN") continue;
    const { code, output } = await run(`cd '${folder}' && ${argument}`, buildEnvironment());
    assertEquals(code, 0, output);
  }
}

/** Carries out the image's COPY, on a base that has nothing but the libraries which the executable asks for. */
async function assemble(built: string, image: string): Promise<void> {
  for (const { name, argument } of IMAGE) {
    const [, from, to] = argument.match(/^--from=build \/src\/(\S+) (\S+)$/) ?? [];
    if (name === "COPY") await run(`install -D '${built}/${from}' '${image}${to}'`);
  }
  const { stdout } = await run(`ldd '${image}/usr/local/bin/modeld'`);
  for (const line of stdout.split("\n")) {
    const [, name = "", path = name] = line.match(/^\s*(\S+)(?: => (\S+))? \(/) ?? [];
    assertMatch(name.split("/").at(-1) ?? "", BASE_LIBRARIES, `the image's base has no ${name}`);
    if (path.startsWith("/")) await run(`install -D '${path}' '${image}${path}'`);
  }
  await run(`mkdir '${image}/proc' && chmod -R a+rX '${image}' '${image}/..'`);
}

/** The command line that runs the image's modeld: its own root, no rights, nothing that it could write to. */
function inImage(image: string, args: readonly string[]): string {
  const command = ["/usr/local/bin/modeld", ...args].join(" ");
  return `unshare --mount sh -c "mount --rbind /proc '${image}/proc' && exec chroot --userspec=${NOBODY} '${image}' ${command}"`;
}

/** What follows the executable in HEALTHCHECK or ENTRYPOINT. */
function argumentsOf(name: string): string[] {
  const { argument = "" } = IMAGE.find((instruction) => instruction.name === name) ?? {};
  const [executable, ...args] = JSON.parse(argument.slice(argument.indexOf("["))) as string[];
  assertEquals(executable, "/usr/local/bin/modeld");
  return args;
}

function copiedPaths(stage: readonly Instruction[]): string[] {
  return stage.filter(({ name }) => name === "COPY").flatMap(({ argument }) => argument.split(" ").slice(0, -1));
}

async function run(
  command: string,
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; output: string }> {
  const process = new SpawnedProcess("sh", ["-c", command], env);
  const { code } = await process.exited;
  return { code, stdout: process.stdoutLines.join("\n"), output: process.lines.join("\n") };
}
