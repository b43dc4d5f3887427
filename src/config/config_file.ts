import { parse as parseToml, TomlError } from "smol-toml";
import { parseDocument } from "yaml";
import { explainReadError } from "./read_error.ts";

/** What a config file holds, or what is wrong with it. */
export type ConfigFile =
  | { readonly values: Readonly<Record<string, unknown>> }
  | { readonly problem: string };

type Parser = (text: string) => ConfigFile;

const parsers: Readonly<Record<string, Parser>> = {
  ".yaml": readYaml,
  ".yml": readYaml,
  ".json": readJson,
  ".toml": readToml,
};

/** Reads and parses a config file. Problems never repeat its text, which may hold secrets. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  const extension = /\.[^./\\]+$/.exec(path)?.[0].toLowerCase() ?? "";
  const parser = parsers[extension];
  if (parser === undefined) {
    return { problem: `has no known extension: ${Object.keys(parsers).join(", ")} are allowed` };
  }
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    return { problem: explainReadError(error) };
  }
  return parser(text.replace(/^\uFEFF/, ""));
}

function readYaml(text: string): ConfigFile {
  const document = parseDocument(text);
  const error = document.errors[0];
  if (error !== undefined) {
    const place = error.linePos?.[0];
    return { problem: `is not valid YAML${position(place?.line, place?.col)}` };
  }
  try {
    return mapping(document.toJS());
  } catch {
    // Aliases that are unresolved or expand without end; the message would repeat the file's text.
    return { problem: "is not valid YAML: it has an alias that cannot be resolved" };
  }
}

function readJson(text: string): ConfigFile {
  try {
    return mapping(JSON.parse(text));
  } catch {
    // The parser's message repeats the file's text. YAML contains JSON, and its parser knows where the fault is.
    const place = parseDocument(text).errors[0]?.linePos?.[0];
    return { problem: `is not valid JSON${position(place?.line, place?.col)}` };
  }
}

function readToml(text: string): ConfigFile {
  try {
    return mapping(parseToml(text));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return { problem: `is not valid TOML${position(error.line, error.column)}` };
  }
}

function position(line: number | undefined, column: number | undefined): string {
  return line === undefined || column === undefined ? "" : `: look at line ${line}, column ${column}`;
}

function mapping(value: unknown): ConfigFile {
  if (value === null || value === undefined) return { values: {} };
  if (typeof value !== "object" || Array.isArray(value)) return { problem: "is no mapping of settings to values" };
  return { values: value as Record<string, unknown> };
}
