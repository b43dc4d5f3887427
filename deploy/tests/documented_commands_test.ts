import { assert, assertEquals, assertMatch } from "@std/assert";
import project from "../../deno.json" with { type: "json" };
import { modelFolder } from "../../e2e/support/test_model.ts";
import { SpawnedProcess } from "../../tests/support/spawned_process.ts";
import { hostTarget } from "../../tools/release/host_target.ts";
import { buildEnvironment } from "./build_environment.ts";
import { documentedCommands } from "./documented_commands.ts";
import { Terminal } from "./terminal.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const HOST = hostTarget();
const LLAMA_SERVER = "llama-server -m /path/to/model.gguf --host 127.0.0.1 --port 8081";

/** The pages, and what must run already for their commands to make sense. */
const pages: readonly { path: string; before?: readonly string[]; env?: Record<string, string> }[] = [
  { path: "README.md" },
  { path: "CONTRIBUTING.md" },
  { path: "docs/deployment.md" },
  { path: "docs/migration.md" },
  {
    path: "docs/troubleshooting.md",
    before: [LLAMA_SERVER, "modeld --log-level info"],
    env: { LLAMA_URL: "http://127.0.0.1:8081" },
  },
];

for (const { path, before = [], env = {} } of pages) {
  Deno.test(`the commands of ${path} do what they say, copied as they stand`, async () => {
    await withTerminal(env, async (terminal, model) => {
      const commands = documentedCommands(await Deno.readTextFile(`${ROOT}${path}`));
      assert(commands.length > 0, `${path} has no commands`);
      for (const command of [...before, ...commands]) {
        // The tests are not run from within the tests.
        if (/ task test$/.test(command)) continue;
        const printed = await terminal.type(command.replace("/path/to/model.gguf", model));
        if (/\/infer /.test(command) || / task dev$/.test(command)) assertMatch(printed, /"token":.*"done":true/s);
      }
    });
  });
}

Deno.test("commands are found in blocks of shell, also indented, without comments and in one piece", () => {
  const page =
    "```sh\none # first\ntwo \\\n  more\n```\n\n1. x\n\n   ```sh\n   three\n   ```\n\n```sh not-run\nfour\n```\n";
  assertEquals(documentedCommands(page), ["one", "two   more", "three"]);
});

/** A fresh checkout, a model, a release to install from, and a terminal with nothing installed but llama-server. */
async function withTerminal(
  pageEnv: Record<string, string>,
  use: (terminal: Terminal, model: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const models = await modelFolder(["model"]);
  const releases = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const name = new URL(request.url).pathname.split("/").at(-1);
    return new Response(await Deno.readFile(`${ROOT}dist/release/${name}`));
  });
  const env = {
    MODELD_RELEASES: `http://127.0.0.1:${releases.addr.port}`,
    MODELD_TO: `${folder}/.bin`,
    ...pageEnv,
    ...buildEnvironment(),
  };
  try {
    await run(`git -C '${ROOT}' ls-files -z | xargs -0 cp --parents -t '${folder}'`);
    await run(`test -f dist/release/modeld-${HOST}.tar.gz || deno task -q deno run -q -P=release \
      --no-prompt tools/release/compile_all.ts --tag v${project.version} \
      --releases ${env.MODELD_RELEASES} --target ${HOST}`);
    await using terminal = new Terminal(folder, env);
    await terminal.installLlamaServer();
    await terminal.type("sh deploy/install.sh");
    await use(terminal, `${models.path}/model.gguf`);
  } finally {
    await releases.shutdown();
    await models.remove();
    await Deno.remove(folder, { recursive: true });
  }
}

async function run(command: string): Promise<void> {
  const process = new SpawnedProcess("bash", ["-c", `cd '${ROOT}' && ${command}`], buildEnvironment());
  assertEquals((await process.exited).code, 0, process.lines.join("\n"));
}
