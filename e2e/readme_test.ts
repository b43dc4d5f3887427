import { assert, assertEquals } from "@std/assert";
import { Daemon } from "../tests/support/daemon.ts";
import { eventually } from "../tests/support/eventually.ts";
import { RealLlamaServer } from "../tests/support/real_llama_server.ts";
import { testModel } from "./support/test_model.ts";

const README = await Deno.readTextFile(new URL("../README.md", import.meta.url));

/** The words of the README's command that starts with `program`, without it. */
function command(program: string): string[] {
  const [, text] = new RegExp(`^\`\`\`sh\n${program} ([^\`]*)\`\`\``, "m").exec(README) ?? [];
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

Deno.test("the README's three commands stream tokens, and its example shows the fields that come", async () => {
  const model = await testModel();
  // The port that RealLlamaServer adds at the end is the one that counts.
  const llama = await RealLlamaServer.start(withFlag(command("llama-server"), "-m", model.path));
  const modeld = await Daemon.start({ args: withFlag(command("modeld"), "--llama-url", llama.url.href) });
  try {
    await eventually("modeld is ready", async () => (await modeld.get("/readyz")).status === 200);
    const [, curl = ""] = /```sh\n(curl -N [^`]*)```/.exec(README) ?? [];
    const { stdout } = await new Deno.Command("bash", {
      args: ["-c", curl.replace("http://127.0.0.1:8080/", modeld.url.href)],
    }).output();
    const lines = objects(new TextDecoder().decode(stdout));
    const [, example = ""] = /```json\n([^`]*)```/.exec(README) ?? [];
    assertEquals(Object.keys(lines.at(-1) ?? {}), Object.keys(objects(example).at(-1) ?? {}));
    assertEquals(lines.at(-1)?.["finish_reason"], "length");
    assert(lines.length > 1 && lines.slice(0, -1).every(({ token }) => typeof token === "string"), "no tokens came");
  } finally {
    await modeld.stop();
    await llama.stop();
    await model.remove();
  }
});
