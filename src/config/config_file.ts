import { explainReadError } from "./read_error.ts";

/** What a config file holds, or what is wrong with it. */
export type ConfigFile =
  | { readonly values: Readonly<Record<string, unknown>> }
  | { readonly problem: string };

const extensions = [".yaml", ".yml", ".json", ".toml"] as const;

/** What says how a config file is written. */
export type ConfigExtension = typeof extensions[number];

/** Reads and parses a config file. Problems never repeat its text, which may hold secrets. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const written = /\.[^./\\]+$/.exec(path)?.[0].toLowerCase();
  const extension = extensions.find((known) => known === written);
  if (extension === undefined) return { problem: `has no known extension: ${extensions.join(", ")} are allowed` };
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    return { problem: explainReadError(error) };
  }
  // A daemon without a config file starts faster without the parsers.
  const { parsers } = await import("./config_parsers.ts");
  return parsers[extension](text.replace(/^\uFEFF/, ""));
}
