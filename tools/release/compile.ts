/**
 * `deno task compile`: writes modeld as an executable that needs nothing else.
 *
 *     deno task compile [--target x86_64-unknown-linux-gnu] [--output dist/modeld] [--entry FILE]
 *
 * The entry is a bundle of modeld (docs/adr/0002-the-executable-is-compiled-from-a-bundle.md) unless another file is named. The runtime under
 * the executable is what `DENORT_BIN` names, else Deno takes it from dl.deno.land.
 */
import { parseArgs } from "@std/cli/parse-args";
import { runTool } from "./run_tool.ts";

const BUNDLE = "dist/bundle";

const { entry, output, target } = parseArgs(Deno.args, { string: ["entry", "output", "target"] });

const deno = ["task", "-q", "deno"];
if (entry === undefined) {
  await runTool("deno", [...deno, "bundle", "-q", "--check", "--code-splitting", "--outdir", BUNDLE, "main.ts"]);
  await Deno.copyFile("src/demo/story.gguf", `${BUNDLE}/story.gguf`);
}
const [program, ...compile] = [...await denoThatCompiles(), ...deno, "compile"];
await runTool(program, [
  ...compile,
  "-q",
  "-P=modeld",
  "--unstable-no-legacy-abort",
  "--no-prompt",
  "--no-code-cache",
  ...entry === undefined ? ["--include", `${BUNDLE}/story.gguf`] : [],
  ...target === undefined ? [] : ["--target", target],
  "--output",
  output ?? "dist/modeld",
  entry ?? `${BUNDLE}/main.js`,
]);

/** This Deno; 2.8.3 for a runtime older than 2.9, which cannot read what newer ones write. Nothing of modeld runs on it. */
async function denoThatCompiles(): Promise<[string, ...string[]]> {
  const runtime = Deno.env.get("DENORT_BIN");
  if (runtime === undefined) return ["deno"];
  const text = new TextDecoder("latin1").decode(await Deno.readFile(runtime));
  const [, major, minor] = /Deno\/(\d+)\.(\d+)\.\d+/.exec(text) ?? [];
  const isOld = Number(major) < 2 || Number(major) === 2 && Number(minor) < 9;
  return isOld ? ["npx", "-y", "deno@2.8.3"] : ["deno"];
}
