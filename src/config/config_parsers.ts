// Not the package `yaml`: it asks for the variables LOG_TOKENS and LOG_STREAM, which modeld's permissions refuse.
import { loadAll as parseYaml, YAMLException } from "js-yaml";
import { quote } from "./problem.ts";
import { parse as parseToml, TomlError } from "smol-toml";
import type { ConfigExtension, ConfigFile } from "./config_file.ts";

/** More than anybody writes by hand, and too few for a short text to stand for a huge value. */
const maxAliases = 20;

/** Parses the text of a config file, by the extension of its name. Problems never repeat the text. */
export const parsers: Readonly<Record<ConfigExtension, (text: string) => ConfigFile>> = {
  ".yaml": readYaml,
  ".yml": readYaml,
  ".json": readJson,
  ".toml": readToml,
};

function readYaml(text: string): ConfigFile {
  try {
    const [value, ...more] = parseYaml(text, { maxAliases });
    return more.length > 0 ? { problem: "holds more than one YAML document" } : mapping(value);
  } catch (error) {
    return { problem: `is not valid YAML${yamlReason(error)}${yamlPosition(error)}` };
  }
}

function readJson(text: string): ConfigFile {
  try {
    const value = JSON.parse(text);
    const doubled = doubledKey(text);
    return doubled === undefined ? mapping(value) : { problem: `has a key twice, ${doubled}` };
  } catch {
    // The parser's message repeats the file's text, which may hold secrets.
    return { problem: `is not valid JSON${jsonPosition(text)}` };
  }
}

/**
 * The first key of a JSON mapping that stands there twice, and where. `JSON.parse` takes the last one in silence; YAML's
 * and TOML's parsers refuse it by themselves.
 */
function doubledKey(json: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  for (const { 0: token, index } of json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 1 && token.endsWith(":")) {
      const key = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1));
      if (seen.has(key)) {
        const lines = json.slice(0, index).split("\n");
        return quote(key) + position(lines.length, (lines.at(-1)?.length ?? 0) + 1);
      }
      seen.add(key);
    }
  }
  return undefined;
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

/** Why, in the parser's words; what it quotes of the file is left out. */
function yamlReason(error: unknown): string {
  if (!(error instanceof YAMLException)) throw error;
  const reason = error.reason.replace(/\s*["'`!<].*$/s, "");
  return reason === "" ? "" : `, ${reason}`;
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
