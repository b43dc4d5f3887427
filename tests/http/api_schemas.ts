import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { OpenApiDocument } from "../../src/http/openapi_types.ts";

/** The schemas of the API description, to hold replies against. */
export class ApiSchemas {
  // Not strict: contentSchema is an annotation that ajv does not know.
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #compiled = new Map<string, ValidateFunction>();

  constructor(document: OpenApiDocument) {
    this.#ajv.addSchema(document, "api");
  }

  /** What is wrong with the value, held against a schema by its name; nothing where it fits. */
  problems(schema: string, value: unknown): string[] {
    return this.#check(`api#/components/schemas/${schema}`, value);
  }

  /** The same for a whole body and the schema of its media type; NDJSON is checked line by line. */
  problemsOfBody(schema: Readonly<Record<string, unknown>>, body: unknown): string[] {
    const line = schema["contentSchema"] as { readonly $ref: string } | undefined;
    if (line !== undefined) {
      const lines = String(body).trimEnd().split("\n");
      return lines.flatMap((text) => this.#check(`api${line.$ref}`, JSON.parse(text)));
    }
    if (typeof schema["$ref"] === "string") return this.#check(`api${schema["$ref"]}`, body);
    return schema["type"] === "string" && typeof body !== "string" ? ["is not a string"] : [];
  }

  #check(reference: string, value: unknown): string[] {
    let validate = this.#compiled.get(reference);
    if (validate === undefined) this.#compiled.set(reference, validate = this.#ajv.compile({ $ref: reference }));
    return validate(value) ? [] : (validate.errors ?? []).map((e) => `${e.instancePath} ${e.message}`);
  }
}
