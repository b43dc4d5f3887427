import { STATUS_TEXT } from "@std/http/status";
import * as z from "zod/mini";
import type { ErrorKind } from "../../../base/errors.ts";
import { errorMeanings } from "./error_meanings.ts";
import { errorTable } from "../../error_table.ts";
import { inferSchema } from "../infer/infer_schema.ts";
import { FAILED_STREAM, MODELS, REQUESTS, STATUS, STREAM } from "./openapi_examples.ts";
import { v1Paths, v1Schemas } from "./openapi_v1.ts";
import type { Media, OpenApiDocument, Operation, Parameter, Reply } from "./openapi_types.ts";
import {
  errorSchema,
  finalLineSchema,
  inferLineSchema,
  modelsSchema,
  statusSchema,
  tokenLineSchema,
} from "./reply_schemas.ts";

/**
 * The API as OpenAPI 3.1, made from the schemas that validate requests and from the error table.
 *
 * @param version modeld's own
 */
export function openApiDocument(version: string): OpenApiDocument {
  return {
    openapi: "3.1.0",
    info: {
      title: "modeld",
      version,
      description:
        "A steady API in front of llama.cpp's llama-server: its own `/infer`, and those of OpenAI and Anthropic.",
      license: { name: "MIT", identifier: "MIT" },
    },
    paths: {
      "/infer": { post: INFER },
      ...v1Paths(),
      "/models": { get: { summary: "The models that can be asked for", ...replies(json("ModelList", MODELS)) } },
      "/status": { get: { summary: "Instances, queues and budget", ...replies(json("Status", STATUS)) } },
      "/events": { get: EVENTS },
      "/requests/{id}": { delete: CANCEL },
      "/": { get: { summary: "The page", security: [], ...replies({ "text/html": { schema: STRING } }, []) } },
      "/healthz": {
        get: { summary: "Whether the process runs", security: [], ...replies(plain("`ok`", "ok"), []) },
      },
      "/readyz": { get: READYZ },
      "/metrics": {
        get: {
          summary: "Metrics for Prometheus; with `--metrics-addr` also at an address of their own, without a key",
          ...replies(plain("Prometheus text format", "modeld_inflight 0\n")),
        },
      },
      "/openapi.json": { get: { summary: "This description", ...replies({ "application/json": { schema: {} } }) } },
      "/docs": { get: { summary: "This description as a page", ...replies({ "text/html": { schema: STRING } }) } },
    },
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        key: { type: "http", scheme: "bearer", description: "Where modeld was given keys." },
        anthropicKey: {
          type: "apiKey",
          in: "header",
          name: "x-api-key",
          description: "The same, as Anthropic's clients send it.",
        },
      },
    },
    security: [{}, { key: [] }, { anthropicKey: [] }],
  };
}

const STRING = { type: "string" };

/** Each under its name in the document. */
const schemas: Readonly<Record<string, z.ZodMiniType>> = {
  InferRequest: inferSchema,
  TokenLine: tokenLineSchema,
  FinalLine: finalLineSchema,
  InferLine: inferLineSchema,
  Error: errorSchema,
  ModelList: modelsSchema,
  Status: statusSchema,
  ...v1Schemas,
};

function componentSchemas(): Record<string, unknown> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  // "input": replies may gain fields, so a client must not refuse those it does not know.
  const made = z.toJSONSchema(registry, { io: "input", uri: (id) => `#/components/schemas/${id}` }).schemas;
  return Object.fromEntries(Object.entries(made).map(([id, { $schema: _s, $id: _i, ...schema }]) => [id, schema]));
}

function reference(schema: string): { $ref: string } {
  return { $ref: `#/components/schemas/${schema}` };
}

function json(schema: string, example: unknown): Reply["content"] {
  return { "application/json": { schema: reference(schema), example } };
}

function plain(description: string, example: string): Reply["content"] {
  return { "text/plain": { schema: { ...STRING, description }, example } };
}

/** A GET's replies: what is asked for, and the errors that its route can answer with. */
function replies(
  content: Reply["content"],
  kinds: readonly ClientKind[] = ["unauthorized"],
): Pick<Operation, "responses"> {
  return { responses: { "200": { description: "OK", content }, ...errorReplies(kinds) } };
}

type ClientKind = keyof typeof errorMeanings;

/** One reply for each status, with an example for each kind of error. */
function errorReplies(kinds: readonly ClientKind[]): Record<string, Reply> {
  const byStatus = Map.groupBy(kinds, (kind) => errorTable[kind].status);
  return Object.fromEntries(
    Array.from(byStatus, ([status, ofStatus]) => [String(status), errorReply(status, ofStatus)]),
  );
}

function errorReply(status: number, kinds: readonly ClientKind[]): Reply {
  const text = STATUS_TEXT[status as keyof typeof STATUS_TEXT];
  const retry = status === 429 || status === 503;
  const media: Media = {
    schema: reference("Error"),
    examples: Object.fromEntries(kinds.map((type) => {
      const { when, example } = errorMeanings[type];
      return [type, { summary: when, value: { error: example, code: status, type } }];
    })),
  };
  return {
    description: `${text}: ${kinds.map((kind) => `\`${kind}\``).join(", ")}`,
    ...retry && { headers: { "Retry-After": { description: "Seconds, at least 1.", schema: { type: "integer" } } } },
    content: { "application/json": media },
  };
}

const ROUTING: readonly ErrorKind[] = ["not_found", "method_not_allowed"];
const INFER_ERRORS = (Object.keys(errorMeanings) as ClientKind[]).filter((kind) => !ROUTING.includes(kind));

const INFER: Operation = {
  summary: "Continue a text",
  description:
    "Answers with a line for each fragment as it arrives, then one final line. A failure before the first line " +
    "is an HTTP error; after it, the stream ends with one error line (the same JSON object) and no final line.",
  parameters: [
    parameter(
      "X-Request-Id",
      "header",
      "Printable, at most 128 characters; returned, logged and sent to llama-server.",
    ),
    parameter("traceparent", "header", "W3C trace context; passed on to llama-server."),
    parameter("log", "query", "Log level of this request: `off`, `error`, `info`, `debug`, or `1` for `debug`."),
    parameter("X-Log-Level", "header", "As `log`."),
    parameter("X-Log-Infer", "header", "`1`: as `log=debug`."),
  ],
  requestBody: {
    required: true,
    content: {
      "application/json": {
        schema: reference("InferRequest"),
        examples: REQUESTS,
      },
    },
  },
  responses: {
    "200": {
      description: "A line of JSON for each fragment, then the final line.",
      headers: {
        "X-Request-Id": { description: "The request's id.", schema: STRING },
        "X-Modeld-Server": { description: "The llama-server that it came from.", schema: STRING },
        "X-Modeld-Ignored": { description: "Fields of the body that `/infer` does not know.", schema: STRING },
      },
      content: {
        "application/x-ndjson": {
          schema: { ...STRING, contentMediaType: "application/x-ndjson", contentSchema: reference("InferLine") },
          examples: {
            stream: { summary: "A stream", value: STREAM },
            failed: { summary: "A stream that failed", value: FAILED_STREAM },
          },
        },
      },
    },
    ...errorReplies(INFER_ERRORS),
  },
};

function parameter(name: string, place: Parameter["in"], description: string): Parameter {
  return { name, in: place, ...place === "path" && { required: true }, description, schema: STRING };
}

const EVENTS: Operation = {
  summary: "What happens, as server-sent events",
  description:
    "First a `snapshot` (`modeld`, `fleet`, `requests`, `recent`), then a `change` with what differs, at most four a " +
    "second: `requests` that are new or changed, by `number`, and the numbers of those that are `gone`. A client sees " +
    "its own requests; one with `admin`, and everybody where there are no keys, sees all.",
  ...replies({
    "text/event-stream": { schema: STRING, example: 'event: change\ndata: {"gone":[17]}\n\n' },
  }, ["unauthorized", "overloaded"]),
};

const CANCEL: Operation = {
  summary: "Cancel a request of your own",
  description: "The request ends as `cancelled`. `id` is its `X-Request-Id`. Without keys nobody can cancel.",
  parameters: [parameter("id", "path", "The request's id.")],
  responses: {
    "204": { description: "It is being cancelled.", content: {} },
    ...errorReplies(["unauthorized", "not_found"]),
  },
};

const READYZ: Operation = {
  summary: "Whether a request for the default model would be served",
  security: [],
  responses: {
    "200": { description: "It would.", content: plain("`ready`", "ready") },
    "503": {
      description: "It would not.",
      content: plain("`loading`, `unreachable`, `not configured` or `draining`", "loading"),
    },
  },
};
