import { errorsTable, inferFieldsTable } from "./api_tables.ts";
import { jsonExample, tomlExample, yamlExample } from "./config_examples.ts";
import { configSchema } from "./config_schema.ts";
import { configurationTables } from "./configuration_tables.ts";
import { replaceSection } from "./section.ts";
import { logFieldsTable, metricsTables, outcomesTable, spanAttributesTable } from "./telemetry_tables.ts";

/** A file of the repository that is made from the code, whole or in part. */
export interface GeneratedFile {
  /** From the root of the repository. */
  readonly path: string;
  /** What the file must hold; `before` is what it holds, and what is written by hand in it stays. */
  render(before: string): string;
}

/** All of them. `deno task docs` writes them. */
export const generatedFiles: readonly GeneratedFile[] = [
  {
    path: "docs/api.md",
    render: (before) => replaceSection(replaceSection(before, "fields", inferFieldsTable()), "errors", errorsTable()),
  },
  { path: "docs/configuration.md", render: (before) => replaceSection(before, "settings", configurationTables()) },
  { path: "docs/config.schema.json", render: configSchema },
  { path: "docs/config-examples/modeld.yaml", render: yamlExample },
  { path: "docs/config-examples/modeld.json", render: jsonExample },
  { path: "docs/config-examples/modeld.toml", render: tomlExample },
  { path: "docs/metrics.md", render: (before) => replaceSection(before, "metrics", metricsTables()) },
  {
    path: "docs/logging.md",
    render: (before) =>
      replaceSection(replaceSection(before, "outcomes", outcomesTable()), "properties", logFieldsTable()),
  },
  { path: "docs/tracing.md", render: (before) => replaceSection(before, "attributes", spanAttributesTable()) },
];
