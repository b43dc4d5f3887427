import { tinyGguf } from "./tiny_gguf.ts";

/** A model file to test with, and how to be rid of it. */
export interface TestModel {
  readonly path: string;
  remove(): Promise<void>;
}

/** The model that `LLAMA_MODEL` names, else a tiny one of random weights, written to a temporary folder. */
export async function testModel(): Promise<TestModel> {
  const named = Deno.env.get("LLAMA_MODEL");
  if (named !== undefined) return { path: named, remove: () => Promise.resolve() };
  const folder = await modelFolder(["tiny"]);
  return { path: `${folder.path}/tiny.gguf`, remove: folder.remove };
}

/** A temporary folder with a tiny model of each name, for a router's `--models-dir`. */
export async function modelFolder(names: readonly string[], blocks?: number): Promise<TestModel> {
  const path = await Deno.makeTempDir({ prefix: "modeld-e2e-" });
  for (const [index, name] of names.entries()) {
    await Deno.writeFile(`${path}/${name}.gguf`, tinyGguf(index + 1, blocks));
  }
  return { path, remove: () => Deno.remove(path, { recursive: true }) };
}
