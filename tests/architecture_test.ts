import { assertEquals } from "@std/assert";

/** Each folder of src and what it may import, beside itself and `base`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  telemetry: [],
  config: [],
  llama: ["telemetry", "config"],
  upstream: ["llama", "telemetry", "config"],
  dispatch: ["upstream", "llama", "telemetry", "config"],
  http: ["dispatch", "upstream", "llama", "telemetry", "config"],
  cli: ["http", "dispatch", "upstream", "llama", "telemetry", "config", "demo"],
  demo: ["upstream"],
};

const SRC = new URL("../src/", import.meta.url);

/** Every file below the folder, relative to it. */
async function* filesIn(folder: URL, path = ""): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesIn(new URL(`${name}/`, folder), `${path}${name}/`);
    else if (name.endsWith(".ts")) yield path + name;
  }
}

/** The folder of src that a file, or an import of it, belongs to. */
function folderOf(path: string): string {
  return path.split("/", 1)[0] ?? "";
}

Deno.test("imports go down: http, dispatch, upstream, llama, base; telemetry and config use base alone", async () => {
  const wrong: string[] = [];
  for await (const file of filesIn(SRC)) {
    const text = await Deno.readTextFile(new URL(file, SRC));
    for (const [, target] of text.matchAll(/(?:from|import\()\s*"(\.{1,2}\/[^"]+)"/g)) {
      const url = new URL(target ?? "", new URL(file, SRC));
      if (!url.href.startsWith(SRC.href)) continue;
      const [from, to] = [folderOf(file), folderOf(url.href.slice(SRC.href.length))];
      const allowed = from === to || to === "base" || MAY_IMPORT[from]?.includes(to);
      if (!allowed) wrong.push(`${file} imports ${url.href.slice(SRC.href.length)}`);
    }
  }
  assertEquals(wrong, []);
});
