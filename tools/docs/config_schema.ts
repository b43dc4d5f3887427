import { clientFields } from "../../src/config/clients.ts";
import type { Field } from "../../src/config/entries.ts";
import { serverFields } from "../../src/config/servers.ts";
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
    properties: {
      $schema: { type: "string" },
      ...Object.fromEntries(properties),
      servers: servers(),
      clients: clients(),
    },
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

function servers(): Record<string, unknown> {
  return {
    description: "The llama-servers, in the place of llama_url",
    ...listOf(serverFields, { required: ["url"] }),
  };
}

function clients(): Record<string, unknown> {
  return {
    description: "Who may use modeld, with which keys, limits and share of the slots",
    ...listOf(clientFields, { required: ["name"], oneOf: [{ required: ["key"] }, { required: ["key_file"] }] }),
  };
}

function listOf(fields: Readonly<Record<string, Field<unknown>>>, needed: object): Record<string, unknown> {
  const properties = Object.entries(fields).map(([key, { help, schema }]) => [key, { description: help, ...schema }]);
  return {
    type: "array",
    items: { type: "object", additionalProperties: false, ...needed, properties: Object.fromEntries(properties) },
  };
}
