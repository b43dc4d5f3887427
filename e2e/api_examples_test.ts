import { assert, assertEquals } from "@std/assert";
import { withStack } from "./support/stack.ts";
import { runFromSource } from "../tests/support/daemon.ts";

const API = await Deno.readTextFile(new URL("../docs/api.md", import.meta.url));

/** The example of docs/api.md in a language, sent to where modeld listens; of several the last. */
function example(language: string, url: URL): string {
  const found = [...API.matchAll(new RegExp(`^\`\`\`${language}\n([^\`]*)\`\`\``, "gm"))].at(-1)?.[1];
  assert(found !== undefined, `docs/api.md has no example in ${language}`);
  return found.replaceAll("http://127.0.0.1:8080", url.origin);
}

/** What a program writes, which must end well. */
async function output(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("the examples of docs/api.md for curl, TypeScript and Python get text", async () => {
  await withStack({}, async ({ modeld }) => {
    const curl = await output("bash", ["-c", example("sh", modeld.url)]);
    assert(curl.startsWith("data: {") && curl.endsWith("data: [DONE]\n\n"), curl);

    const script = new URL("api_example.tmp.ts", import.meta.url);
    await Deno.writeTextFile(script, example("ts", modeld.url));
    try {
      const flags = runFromSource().filter((flag) => flag.startsWith("--import-map"));
      const typescript = await output(Deno.execPath(), ["run", "-q", "-A", ...flags, script.pathname]);
      assert(typescript.trim() !== "", typescript);
    } finally {
      await Deno.remove(script);
    }

    assert((await output("python3", ["-c", example("python", modeld.url)])).trim() !== "");
  });
});
