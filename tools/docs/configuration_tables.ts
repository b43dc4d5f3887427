import { groups, type Setting } from "../../src/config/setting.ts";
import { settingNames, settingsTable } from "../../src/config/settings_table.ts";
import { showDefault } from "../../src/config/show.ts";
import { table } from "./section.ts";

/** The tables of docs/configuration.md: every setting with all of its names, its default and the kind of its value, by group. */
export function configurationTables(): string {
  return groups.map((group) => {
    const settings = settingNames.map((name): Setting<unknown> => settingsTable[name]);
    const rows = settings.filter((setting) => setting.group === group).map(row);
    return `### ${group}\n\n${table(["flag, variable, key", "default", "reload", "what it sets"], rows)}`;
  }).join("\n");
}

function row(setting: Setting<unknown>): readonly string[] {
  const { flag, variables, key, kind, help, deprecated, defaultNote } = setting;
  const value = showDefault(setting);
  const isLiteral = defaultNote === undefined && setting.default !== undefined && value !== "none";
  const names = [flag, ...variables, key].filter((name) => name !== undefined);
  return [
    names.map(code).join("<br>"),
    `${isLiteral ? code(value) : value}<br>(${kind.name.replaceAll(" | ", ", ")})`,
    setting.reload,
    deprecated === undefined ? help : `${help}. Ignored: ${deprecated}`,
  ];
}

function code(text: string): string {
  return `\`${text}\``;
}
