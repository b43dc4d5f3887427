import { assert, assertEquals } from "@std/assert";

const project = new URL("../../", import.meta.url);

/** What `deno info --json` says of a module, as far as it is read here. */
interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier: string };
    readonly isDynamic?: boolean;
  }[];
}

Deno.test("what serving does not need at once is not loaded at the start", async () => {
  const loaded = await loadedAtStart();
  const has = (part: string) => loaded.some((module) => module.includes(part));
  assert(has("src/http/server.ts") && has("npm:zod"), `these alone are loaded: ${loaded.join(", ")}`);
  const unneeded = [
    "js-yaml",
    "smol-toml",
    "src/http/description/openapi.ts",
    "src/http/description/docs_page.ts",
    "src/demo/",
    "src/cli/status.ts",
    "src/http/api/page/page_files.ts",
  ];
  assertEquals(unneeded.filter(has), []);
});

/** main.ts and all it imports, but for what is imported on demand. */
async function loadedAtStart(): Promise<readonly string[]> {
  const { roots, modules } = await describeModules();
  const byName = new Map(modules.map((module) => [module.specifier, module]));
  const loaded = new Set(roots);
  for (const name of loaded) {
    for (const { code, isDynamic } of byName.get(name)?.dependencies ?? []) {
      if (code !== undefined && isDynamic !== true) loaded.add(code.specifier);
    }
  }
  return [...loaded];
}

async function describeModules(): Promise<{ roots: readonly string[]; modules: readonly Module[] }> {
  const standIns = new URL("tools/std/import_map.json", project).pathname;
  const command = new Deno.Command("deno", {
    args: ["info", "--json", `--import-map=${standIns}`, "main.ts"],
    cwd: project,
  });
  const { stdout, success } = await command.output();
  assert(success);
  return JSON.parse(new TextDecoder().decode(stdout));
}
