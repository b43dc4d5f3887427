import { groups, type Setting } from "../../src/config/setting.ts";
import { type SettingName, settingNames, settingsTable } from "../../src/config/settings_table.ts";
import { showDefault } from "../../src/config/show.ts";

/** The one setting that nearly everybody needs; all others stand in comments. */
const needed: SettingName = "llamaUrl";

interface Entry {
  readonly name: SettingName;
  readonly setting: Setting<unknown>;
  readonly key: string;
  /** The default, or an example where there is none; as JSON. */
  readonly value: string;
}

const entries: readonly Entry[] = settingNames.flatMap((name): Entry[] => {
  const setting: Setting<unknown> = settingsTable[name];
  const { key, kind, example, default: value } = setting;
  if (key === undefined || setting.deprecated !== undefined) return [];
  return [{ name, setting, key, value: JSON.stringify(kind.toFile(example ?? value)).replaceAll(",", ", ") }];
});

/** An example config file in YAML: every setting with its default. */
export function yamlExample(): string {
  return commented("# yaml-language-server: $schema=../config.schema.json", ": ");
}

/** An example config file in TOML: every setting with its default. */
export function tomlExample(): string {
  return commented("#:schema ../config.schema.json", " = ", tomlValue);
}

/** An example config file in JSON, which has no comments: the defaults of all settings that have one. */
export function jsonExample(): string {
  const shown = entries.filter(({ name, setting }) => name === needed || setting.default !== undefined);
  const values = shown.map(({ name, key, setting }) => {
    return [key, setting.kind.toFile(name === needed ? setting.example : setting.default)] as const;
  });
  return `${JSON.stringify({ $schema: "../config.schema.json", ...Object.fromEntries(values) }, undefined, 2)}\n`;
}

/** JSON is TOML as well, but for the tables. */
function tomlValue(json: string): string {
  return json.startsWith("{") ? json.replaceAll('":', '" = ') : json;
}

function commented(schemaLine: string, between: string, write = (json: string) => json): string {
  const sections = groups.map((group) => {
    const blocks = entries.filter(({ setting }) => setting.group === group).map(({ name, setting, key, value }) => {
      const line = `${name === needed ? "" : "#"}${key}${between}${write(value)}`;
      return `# ${setting.help}.\n# Default: ${showDefault(setting)}\n${line}\n`;
    });
    return blocks.length === 0 ? "" : `\n# --- ${group} ---\n\n${blocks.join("\n")}`;
  });
  return `${schemaLine}\n# modeld's settings; see docs/configuration.md. Remove the # before a setting to change it.\n${
    sections.join("")
  }`;
}
