import { join, type Markup, markup, prose } from "./markup.ts";
import type { Content, Media, OpenApiDocument, Operation, Parameter, Reply } from "./openapi_types.ts";

/** The API description as a page. It is whole in itself: no script, and nothing is fetched from anywhere. */
export function docsPage({ info, paths, components }: OpenApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation }))
  );
  const schemas = Object.entries(components["schemas"] ?? {});
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title} ${info.version}</title>
<style>${docsStyle}</style>
</head>
<body>
<header>
<h1>${info.title} <small>${info.version}</small></h1>
<p>${String(info["description"])} <a href="openapi.json">openapi.json</a></p>
<nav>${
    join(operations.map(({ path, method }) => markup`<a href="#${anchor(method, path)}">${method} ${path}</a>`))
  }</nav>
</header>
<main>
${join(operations.map(({ path, method, operation }) => operationSection(method, path, operation)))}
<h2>Schemas</h2>
${join(schemas.map(([name, schema]) => schemaSection(name, schema as Schema)))}
</main>
</body>
</html>
`.text;
}

function anchor(method: string, path: string): string {
  return `${method.toLowerCase()}${path.replaceAll("/", "-")}`;
}

function operationSection(method: string, path: string, operation: Operation): Markup {
  const { summary, description, parameters, requestBody, responses } = operation;
  return markup`<section id="${anchor(method, path)}">
<h2><span class="method ${method.toLowerCase()}">${method}</span> <code>${path}</code></h2>
<p>${prose(summary)}${description === undefined ? "" : markup`. ${prose(description)}`}</p>
${parameters === undefined ? "" : parameterTable(parameters)}
${requestBody === undefined ? "" : markup`<h3>Request</h3>${contentBlocks(requestBody.content)}`}
<h3>Replies</h3>
${join(Object.entries(responses).map(([status, reply]) => replyBlock(status, reply)))}
</section>
`;
}

function parameterTable(parameters: readonly Parameter[]): Markup {
  const rows = parameters.map(({ name, in: place, description }) =>
    tableRow(markup`<code>${name}</code>`, place, description)
  );
  return markup`<h3>Parameters</h3>
<table>
${join(rows)}</table>
`;
}

function tableRow(name: Markup, type: string | Markup, description: string): Markup {
  return markup`<tr><td>${name}</td><td>${type}</td><td>${prose(description)}</td></tr>
`;
}

function replyBlock(status: string, { description, content }: Reply): Markup {
  return markup`<details${status === "200" ? markup` open` : ""}>
<summary><b class="status s${status.slice(0, 1)}">${status}</b> ${prose(description)}</summary>
${contentBlocks(content)}
</details>
`;
}

function contentBlocks(content: Content): Markup {
  return join(Object.entries(content).map(([type, media]) => mediaBlock(type, media)));
}

function mediaBlock(type: string, { schema, example, examples = {} }: Media): Markup {
  const shown = Object.values(examples);
  if (example !== undefined) shown.push({ summary: "", value: example });
  return markup`<p class="media"><code>${type}</code> ${typeName(schema)}</p>
${join(shown.map(({ summary, value }) => exampleBlock(summary, value)))}`;
}

function exampleBlock(summary: string, value: unknown): Markup {
  return markup`<figure><figcaption>${summary}</figcaption><pre>${sample(value)}</pre></figure>
`;
}

function sample(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** A JSON schema, as far as the page shows it. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly contentSchema?: Schema;
}

function schemaSection(name: string, schema: Schema): Markup {
  return markup`<section id="schema-${name}">
<h3>${name}</h3>
${
    schema.properties === undefined
      ? markup`<p>${typeName(schema)}</p>`
      : markup`<table>${propertyRows(schema, "")}</table>`
  }
</section>
`;
}

/** A row for each property; those of objects and of arrays of objects follow, under their path. */
function propertyRows({ properties = {}, required = [] }: Schema, prefix: string): Markup {
  return join(
    Object.entries(properties).map(([name, property]) => {
      const label = markup`<code>${prefix}${name}</code>${required.includes(name) ? markup` <i>required</i>` : ""}`;
      const row = tableRow(label, typeName(property), property.description ?? "");
      const below = property.items === undefined ? `${prefix}${name}.` : `${prefix}${name}[].`;
      return join([row, propertyRows(property.items ?? property, below)]);
    }),
  );
}

function typeName(schema: Schema): Markup {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1) ?? "";
    return markup`<a href="#schema-${name}">${name}</a>`;
  }
  if (schema.contentSchema !== undefined) return markup`lines, each ${typeName(schema.contentSchema)}`;
  if (schema.anyOf !== undefined) return join(schema.anyOf.map(typeName), " or ");
  if (schema.enum !== undefined) return join(schema.enum.map((word) => markup`<code>${String(word)}</code>`), " ");
  if (schema.const !== undefined) return markup`<code>${JSON.stringify(schema.const)}</code>`;
  if (schema.items !== undefined) return markup`array of ${typeName(schema.items)}`;
  return markup`${typeof schema.type === "string" ? schema.type : (schema.type ?? []).join(" or ")}`;
}

/** The style of the `/docs` page, light and dark. */
export const docsStyle: Markup = {
  text: `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: #06c; }
@media (prefers-color-scheme: dark) { :root { --link: #6bf; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem 1.5rem 4rem; }
h1 small { font-weight: normal; opacity: .6; }
h2 { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: 1.5rem; }
h3 { margin-bottom: .3rem; }
a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { background: var(--soft); border-radius: 6px; margin: .3rem 0; overflow-x: auto; padding: .7rem 1rem; }
figure { margin: .6rem 0; }
figcaption { font-size: 14px; opacity: .7; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: .35rem 1rem .35rem 0; vertical-align: top; }
td i { font-size: 13px; opacity: .7; }
details { border-top: 1px solid var(--line); padding: .4rem 0; }
summary { cursor: pointer; }
.media { margin: .4rem 0; }
.method { border-radius: 5px; color: #fff; font-size: 15px; padding: .2rem .6rem; background: #257; }
.method.post { background: #274; }
.status { display: inline-block; min-width: 2.5rem; }
.s2 { color: #2a7; } .s4 { color: #b70; } .s5 { color: #c34; }
`,
};
