import { explainReadError } from "./paths.ts";

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
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    return { problem: explainReadError(error) };
  }
  const line = lineOfBadUtf8(bytes);
  if (line !== undefined) return { problem: `is not valid UTF-8: look at line ${line}` };
  const text = new TextDecoder().decode(bytes);
  // A daemon without a config file starts faster without the parsers.
  const { parsers } = await import("./config_parsers.ts");
  return parsers[extension](text);
}

/** The first line, counted from 1, that is not UTF-8. */
function lineOfBadUtf8(bytes: Uint8Array): number | undefined {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf(LINE_FEED, start);
    try {
      decoder.decode(bytes.subarray(start, end < 0 ? bytes.length : end));
    } catch {
      return line; // a decoder that is fatal throws for nothing else
    }
    if (end < 0) break;
    start = end + 1;
  }
  return undefined;
}

const LINE_FEED = 10;
