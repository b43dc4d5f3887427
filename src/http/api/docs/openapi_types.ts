/** The parts of OpenAPI 3.1 that modeld's description has. https://spec.openapis.org/oas/v3.1.1 */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: Readonly<Record<string, unknown>> & { readonly title: string; readonly version: string };
  /** By path, then by method in lower case. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly security: readonly unknown[];
}

/** What one method of one path does. */
export interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  /** By status. */
  readonly responses: Readonly<Record<string, Reply>>;
}

/** What a request may carry beside its body. */
export interface Parameter {
  readonly name: string;
  readonly in: "query" | "header" | "path";
  /** A parameter in the path always is. */
  readonly required?: true;
  readonly description: string;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** One answer. */
export interface Reply {
  readonly description: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content: Content;
}

/** By media type. */
export type Content = Readonly<Record<string, Media>>;

/** A body of one media type. */
export interface Media {
  readonly schema: Readonly<Record<string, unknown>>;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly summary: string; readonly value: unknown }>>;
}
