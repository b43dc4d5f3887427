import { assertEquals } from "@std/assert";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { openApiDocument } from "../../src/http/api/docs/openapi.ts";
import type { OpenApiDocument } from "../../src/http/api/docs/openapi_types.ts";

/**
 * The schemas of the API description, to hold replies against. Stricter than the description itself: there a client is to
 * expect fields that it does not know, here a reply may have none that is not described.
 */
export class ApiSchemas {
  // Not strict: contentSchema is an annotation that ajv does not know.
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #compiled = new Map<string, ValidateFunction>();
  readonly #document: OpenApiDocument;

  constructor(document: OpenApiDocument = openApiDocument("test")) {
    this.#document = document;
    const { schemas } = structuredClone(document.components);
    for (const [name, schema] of Object.entries(schemas ?? {})) if (name !== "InferRequest") close(schema);
    this.#ajv.addSchema({ components: { schemas } }, "api");
  }

  /** What is wrong with the value, held against a schema by its name; nothing where it fits. */
  problems(schema: string, value: unknown): string[] {
    return this.#check(`#/components/schemas/${schema}`, value);
  }

  /** The same for a whole body and the schema of its media type; NDJSON is checked line by line. */
  problemsOfBody(schema: Readonly<Record<string, unknown>>, body: unknown): string[] {
    const line = schema["contentSchema"] as { readonly $ref: string } | undefined;
    if (line !== undefined) {
      const lines = String(body).trimEnd().split("\n");
      return lines.flatMap((text) => this.#check(line.$ref, JSON.parse(text)));
    }
    if (typeof schema["$ref"] === "string") return this.#check(schema["$ref"], body);
    return schema["type"] === "string" && typeof body !== "string" ? ["is not a string"] : [];
  }

  /** @throws AssertionError where a line of a reply to `/infer` is not as described. */
  assertLine(line: unknown): void {
    assertEquals(this.problems("InferLine", line), [], JSON.stringify(line));
  }

  /** @throws AssertionError where the path is not described, or its JSON reply is not as described. */
  assertReply(path: string, body: unknown): void {
    const media = this.#document.paths[path]?.["get"]?.responses["200"]?.content["application/json"];
    assertEquals(media === undefined ? ["is not described"] : this.problemsOfBody(media.schema, body), [], path);
  }

  #check(reference: string, value: unknown): string[] {
    let validate = this.#compiled.get(reference);
    if (validate === undefined) {
      this.#compiled.set(reference, validate = this.#ajv.compile({ $ref: `api${reference}` }));
    }
    return validate(value) ? [] : (validate.errors ?? []).map((e) => `${e.instancePath} ${e.message}`);
  }
}

/** Forbids what is not described, in every object of the schema. */
function close(schema: unknown): void {
  if (typeof schema !== "object" || schema === null) return;
  if ("properties" in schema) Object.assign(schema, { additionalProperties: false });
  for (const part of Object.values(schema)) close(part);
}
