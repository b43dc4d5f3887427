import { clientFields } from "../../src/config/clients.ts";
import type { Setting } from "../../src/config/setting.ts";
import { settingNames, settingsTable } from "../../src/config/settings_table.ts";

/** docs/config.schema.json: what a config file may hold, for editors. */
export function configSchema(): string {
  const properties = settingNames.map((name): Setting<unknown> => settingsTable[name]).flatMap((setting) => {
    const { key } = setting;
    return key === undefined ? [] : [[key, property(setting)] as const];
  });
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Config file of modeld",
    type: "object",
    additionalProperties: false,
    properties: { $schema: { type: "string" }, ...Object.fromEntries(properties), clients: clients() },
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

function property({ kind, help, default: value, deprecated }: Setting<unknown>): Record<string, unknown> {
  return {
    description: deprecated === undefined ? help : `Ignored: ${deprecated}`,
    ...kind.schema,
    ...(value === undefined ? {} : { default: kind.toFile(value) }),
    ...(deprecated === undefined ? {} : { deprecated: true }),
  };
}

function clients(): Record<string, unknown> {
  const fields = Object.entries(clientFields).map(([key, { help, schema }]) => [key, { description: help, ...schema }]);
  return {
    description: "Who may use modeld, with which keys, limits and share of the slots",
    type: "array",
    items: {
      type: "object",
      additionalProperties: false,
      required: ["name"],
      oneOf: [{ required: ["key"] }, { required: ["key_file"] }],
      properties: Object.fromEntries(fields),
    },
  };
}
