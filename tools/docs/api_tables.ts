import * as z from "zod/mini";
import { errorTable } from "../../src/http/error_table.ts";
import { errorMeanings } from "../../src/http/api/docs/error_meanings.ts";
import { inferSchema } from "../../src/http/api/infer/infer_schema.ts";
import { table } from "./section.ts";

/** The fields of an `/infer` request, as the schema that validates them has them. */
export function inferFieldsTable(): string {
  const { properties = {}, required = [] } = z.toJSONSchema(inferSchema, { io: "input" });
  const rows = Object.entries(properties).map(([name, field]) => {
    if (typeof field === "boolean") throw new Error(`${name} has no schema`);
    return [`\`${name}\``, typeOf(field) + (required.includes(name) ? ", required" : ""), field.description ?? ""];
  });
  return table(["field", "type", "meaning"], rows);
}

/** Every type of error that a client may be told of, by status. */
export function errorsTable(): string {
  const rows = Object.entries(errorMeanings).map(([kind, { when }]) => {
    const { status } = errorTable[kind as keyof typeof errorMeanings];
    return { status, cells: [`\`${kind}\``, String(status), when] };
  });
  rows.sort((a, b) => a.status - b.status);
  return table(["type", "code", "when"], rows.map(({ cells }) => cells));
}

function typeOf({ type, anyOf, items }: z.core.JSONSchema.JSONSchema): string {
  const [first] = anyOf ?? [];
  if (first !== undefined && typeof first !== "boolean") return typeOf(first);
  if (type === "array" && typeof items === "object" && !Array.isArray(items)) return `array of ${typeOf(items)}s`;
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  return String(types.find((name) => name !== "null"));
}
