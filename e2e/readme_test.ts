import { assert, assertEquals } from "@std/assert";
import { storyModelUrl } from "../src/demo/story_model.ts";
import { Daemon, runFromSource } from "../tests/support/daemon.ts";
import { eventually } from "../tests/support/eventually.ts";
import { RealLlamaServer } from "../tests/support/real_llama_server.ts";

const README = await Deno.readTextFile(new URL("../README.md", import.meta.url));

/** The words of the README's command that starts with `program`, without it. */
function command(program: string): string[] {
  const [, text] = new RegExp(`^ *\`\`\`sh\n *${program} ([^\`]*)\`\`\``, "m").exec(README) ?? [];
  assert(text !== undefined, `README.md has no command that starts with ${program}`);
  return text.trim().split(/\s+/);
}

/** Arguments with the value of a flag replaced. */
function withFlag(args: readonly string[], flag: string, value: string): string[] {
  const at = args.indexOf(flag);
  assert(at >= 0, `${flag} is missing in ${args.join(" ")}`);
  return args.with(at + 1, value);
}

/** The objects of NDJSON text. */
function objects(text: string): Record<string, unknown>[] {
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

/** What a program writes, which must end well. */
async function output(program: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("the README's commands stream tokens with the fields that it shows, and its client gets text", async () => {
  // The port that RealLlamaServer adds at the end is the one that counts.
  const llama = await RealLlamaServer.start(withFlag(command("llama-server"), "-m", storyModelUrl.pathname));
  const modeld = await Daemon.start({ args: withFlag(command("modeld"), "--llama-url", llama.url.href) });
  try {
    await eventually("modeld is ready", async () => (await modeld.get("/readyz")).status === 200);
    const [, curl = "", example = ""] = /^```console\n\$ (.*)\n([^`]*)```/m.exec(README) ?? [];
    const lines = objects(await output("bash", "-c", curl.replace("http://127.0.0.1:8080/", modeld.url.href)));
    assertEquals(Object.keys(lines.at(-1) ?? {}), Object.keys(objects(example).at(-1) ?? {}));
    assertEquals(lines.at(-1)?.["finish_reason"], "length");
    assert(lines.length > 1 && lines.slice(0, -1).every(({ token }) => typeof token === "string"), "no tokens came");

    const [, script = ""] = /^```ts\n([^`]*)```/m.exec(README) ?? [];
    const file = new URL("readme_example.tmp.ts", import.meta.url);
    await Deno.writeTextFile(file, script.replace("http://127.0.0.1:8080", modeld.url.origin));
    try {
      const flags = runFromSource().filter((flag) => flag.startsWith("--import-map"));
      assert((await output(Deno.execPath(), "run", "-q", "-A", ...flags, file.pathname)).trim() !== "", "no text came");
    } finally {
      await Deno.remove(file);
    }
  } finally {
    await modeld.stop();
    await llama.stop();
  }
});
