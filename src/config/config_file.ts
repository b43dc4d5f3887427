import { loadAll as parseYaml, YAMLException } from "js-yaml";
import { parse as parseToml, TomlError } from "smol-toml";
import { explainReadError } from "./read_error.ts";

/** What a config file holds, or what is wrong with it. */
export type ConfigFile =
  | { readonly values: Readonly<Record<string, unknown>> }
  | { readonly problem: string };

/** More than anybody writes by hand, and too few for a short text to stand for a huge value. */
const maxAliases = 20;

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
  try {
    const [value, ...more] = parseYaml(text, { maxAliases });
    return more.length > 0 ? { problem: "holds more than one YAML document" } : mapping(value);
  } catch (error) {
    return { problem: `is not valid YAML${yamlPosition(error)}` };
  }
}

function readJson(text: string): ConfigFile {
  try {
    return mapping(JSON.parse(text));
  } catch {
    // The parser's message repeats the file's text, which may hold secrets.
    return { problem: `is not valid JSON${jsonPosition(text)}` };
  }
}

/** YAML contains JSON, and its parser knows where a fault is. */
function jsonPosition(text: string): string {
  try {
    parseYaml(text, { maxAliases });
    return "";
  } catch (error) {
    return yamlPosition(error);
  }
}

function yamlPosition(error: unknown): string {
  if (!(error instanceof YAMLException)) throw error;
  return error.mark === undefined ? "" : position(error.mark.line + 1, error.mark.column + 1);
}

function readToml(text: string): ConfigFile {
  try {
    return mapping(parseToml(text));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return { problem: `is not valid TOML${position(error.line, error.column)}` };
  }
}

function position(line: number, column: number): string {
  return `: look at line ${line}, column ${column}`;
}

function mapping(value: unknown): ConfigFile {
  if (value === null || value === undefined) return { values: {} };
  if (typeof value !== "object" || Array.isArray(value)) return { problem: "is no mapping of settings to values" };
  return { values: value as Record<string, unknown> };
}
