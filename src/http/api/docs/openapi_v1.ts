import { STATUS_TEXT } from "@std/http/status";
import * as z from "zod/mini";
import { type ErrorKind, ModeldError } from "../../../base/errors.ts";
import { errorTable } from "../../error_table.ts";
import { errorBody, v1ErrorTable } from "../v1/error_shapes.ts";
import { type ApiShape, type TerminalEvent, type V1Route, v1Routes } from "../v1/routes.ts";
import { errorMeanings } from "./error_meanings.ts";
import type { Operation, Reply } from "./openapi_types.ts";

/** What one endpoint does, and a body for it. */
interface Endpoint {
  readonly summary: string;
  readonly example: Readonly<Record<string, unknown>>;
}

const messages = [{ role: "user", content: "Once" }];

/** Each endpoint of the table, by the path that it is described under. */
const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  "/v1/chat/completions": { summary: "OpenAI's chat completions", example: { messages, max_tokens: 64, stream: true } },
  "/v1/completions": { summary: "OpenAI's completions", example: { prompt: "Once", max_tokens: 64 } },
  "/v1/responses": { summary: "OpenAI's responses", example: { input: "Once", max_output_tokens: 64 } },
  "/v1/messages": { summary: "Anthropic's messages", example: { messages, max_tokens: 64 } },
  "/completion": { summary: "llama-server's own completions", example: { prompt: "Once", n_predict: 64 } },
  "/infill": { summary: "Text between two texts", example: { input_prefix: "Once ", input_suffix: " time" } },
  "/v1/embeddings": { summary: "OpenAI's embeddings", example: { input: ["Once", "upon"] } },
  "/embedding": { summary: "llama-server's own embeddings", example: { content: "Once" } },
  "/v1/rerank": { summary: "Ranks documents", example: { query: "Once", documents: ["upon", "a time"] } },
  "/tokenize": { summary: "The tokens of a text", example: { content: "Once" } },
  "/detokenize": { summary: "The text of tokens", example: { tokens: [1, 2] } },
  "/apply-template": { summary: "The prompt that a chat makes", example: { messages } },
  "/v1/messages/count_tokens": { summary: "How many tokens a message has", example: { messages } },
  "/v1/chat/completions/input_tokens": { summary: "How many tokens a chat has", example: { messages } },
  "/v1/responses/input_tokens": { summary: "How many tokens an input has", example: { input: "Once" } },
};

const TERMINAL_EVENTS: Readonly<Record<TerminalEvent, string>> = {
  "[DONE]": "`data: [DONE]`",
  stop: '`"stop":true`',
  message_stop: "`event: message_stop`",
  response: "`response.completed` or `response.incomplete`",
};

const word = z.string();
const openAiTypes = [...new Set(Object.values(v1ErrorTable).map(({ openai }) => openai))];
const anthropicTypes = [...new Set(Object.values(v1ErrorTable).map(({ anthropic }) => anthropic))];

/** An error of modeld's as OpenAI has it. */
const openAiError = z.object({
  error: z.object({
    message: word,
    type: z.enum(openAiTypes),
    param: z.null(),
    code: word.check(z.describe("modeld's own word for the failure, as `type` of the error of `/infer`.")),
  }),
});

/** An error of modeld's as Anthropic has it. */
const anthropicError = z.object({
  type: z.literal("error"),
  error: z.object({ type: z.enum(anthropicTypes), message: word }),
  request_id: word,
});

const count = z.int().check(z.nonnegative());
const model = z.object({
  id: word.check(z.describe("What `model` in a request names.")),
  object: z.literal("model"),
  created: z.int().check(z.describe("When it was loaded, else when modeld started; Unix seconds.")),
  owned_by: z.literal("llamacpp"),
  aliases: z.array(word).check(z.describe("Other names that it answers to.")),
  status: z.object({ value: word }),
  meta: z.exactOptional(z.object({ n_ctx: count })),
  max_model_len: z.exactOptional(count.check(z.describe("Context length in tokens, known once it is loaded."))),
  context_length: z.exactOptional(count.check(z.describe("The same, as other clients call it."))),
});

/** Each under its name in the document. */
export const v1Schemas: Readonly<Record<string, z.ZodMiniType>> = {
  OpenAiError: openAiError,
  AnthropicError: anthropicError,
  Model: model,
  Models: z.object({ object: z.literal("list"), data: z.array(model) }),
};

const MODEL = {
  id: "tiny",
  object: "model",
  created: 1_800_000_000,
  owned_by: "llamacpp",
  aliases: ["gpt-4o"],
  status: { value: "ready" },
  meta: { n_ctx: 4096 },
  max_model_len: 4096,
  context_length: 4096,
};

/** Kinds that only `/infer` has, or that no path of these can have. */
const NOT_HERE: readonly ErrorKind[] = ["answer_too_large", "not_found", "method_not_allowed"];
type ToldKind = keyof typeof errorMeanings;
const KINDS = (Object.keys(errorMeanings) as ToldKind[]).filter((kind) => !NOT_HERE.includes(kind));

/** The paths of the APIs that modeld passes on, as the description has them. */
export function v1Paths(): Record<string, Record<string, Operation>> {
  const passed = v1Routes.map((row) => [row.upstream, { post: passedOn(row) }] as const);
  const asked: ToldKind[] = ["unauthorized"];
  return {
    ...Object.fromEntries(passed),
    "/v1/models": {
      get: {
        summary: "The models, as OpenAI lists them",
        ...answers("Models", { object: "list", data: [MODEL] }, asked),
      },
    },
    "/v1/models/{id}": {
      get: {
        summary: "One model",
        parameters: [{
          name: "id",
          in: "path",
          required: true,
          description: "Or an alias.",
          schema: { type: "string" },
        }],
        ...answers("Model", MODEL, [...asked, "model_not_found"]),
      },
    },
    "/props": {
      get: {
        summary: "What llama-server says of a loaded model",
        description: "Never a reason to load it. Keys and paths are left out.",
        parameters: [{ name: "model", in: "query", description: "Missing: the default.", schema: { type: "string" } }],
        responses: {
          "200": { description: "OK", content: { "application/json": { schema: { type: "object" } } } },
          ...errorReplies("openai", [...asked, "model_forbidden", "model_not_found", "loading"]),
        },
      },
    },
  };
}

function passedOn(row: V1Route): Operation {
  const { api, paths, upstream, terminal } = row;
  const endpoint = ENDPOINTS[upstream];
  if (endpoint === undefined) throw new Error(`${upstream} is not described`);
  const others = paths.filter((path) => path !== upstream).map((path) => `\`${path}\``);
  const sentences = [
    "Body and answer are llama-server's and pass byte for byte; `id_slot` is left out, and `model` may be an alias.",
    ...others.length > 0 ? [`Also at ${others.join(", ")}.`] : [],
    slotsOf(row),
    ...terminal === undefined ? [] : [
      `A stream ends well with ${
        TERMINAL_EVENTS[terminal]
      }, and else with an error event. While nothing comes, comments ` +
      "(`: wait`) keep it alive.",
    ],
  ];
  return {
    summary: endpoint.summary,
    description: sentences.join(" "),
    parameters: [
      header("X-Request-Id", "Printable, at most 128 characters; returned, logged and sent to llama-server."),
      header("x-session-id", "Names a conversation, whose requests go to where its prompt is in the cache."),
    ],
    requestBody: {
      required: true,
      content: { "application/json": { schema: { type: "object" }, example: endpoint.example } },
    },
    responses: {
      "200": {
        description: "llama-server's answer.",
        headers: { "X-Modeld-Server": { description: "The server it came from.", schema: { type: "string" } } },
        content: {
          "application/json": { schema: { type: "object" } },
          ...terminal !== undefined && { "text/event-stream": { schema: { type: "string" } } },
        },
      },
      ...errorReplies(api, KINDS),
    },
  };
}

function slotsOf({ slots }: V1Route): string {
  if (slots === undefined) return "It takes no slot.";
  const [prompts] = slots.prompts;
  const times = slots.times.includes("n") ? "`n`" : undefined;
  if (prompts === undefined) return `It takes ${times ?? "one"} ${times === undefined ? "slot" : "slots, else one"}.`;
  return `It takes a slot for each item of \`${prompts}\`${times === undefined ? "" : `, times ${times}`}.`;
}

function header(name: string, description: string): NonNullable<Operation["parameters"]>[number] {
  return { name, in: "header", description, schema: { type: "string" } };
}

function answers(schema: string, example: unknown, kinds: readonly ToldKind[]): Pick<Operation, "responses"> {
  const media = { schema: { $ref: `#/components/schemas/${schema}` }, example };
  return {
    responses: {
      "200": { description: "OK", content: { "application/json": media } },
      ...errorReplies("openai", kinds),
    },
  };
}

/** One reply for each status, with the kinds that it may mean and an example of the first. */
function errorReplies(api: ApiShape, kinds: readonly ToldKind[]): Record<string, Reply> {
  const byStatus = Map.groupBy(kinds, (kind) => errorTable[kind].status);
  return Object.fromEntries(Array.from(byStatus, ([status, ofStatus]) => [String(status), errorReply(api, ofStatus)]));
}

function errorReply(api: ApiShape, kinds: readonly ToldKind[]): Reply {
  const [kind = "internal"] = kinds;
  const status = errorTable[kind].status;
  const example = JSON.parse(errorBody(api, new ModeldError(kind, errorMeanings[kind].example), "req-1"));
  const schema = { $ref: `#/components/schemas/${api === "anthropic" ? "AnthropicError" : "OpenAiError"}` };
  return {
    description: `${STATUS_TEXT[status as keyof typeof STATUS_TEXT]}: ${kinds.map((kind) => `\`${kind}\``).join(", ")}`,
    headers: {
      "x-should-retry": {
        description: "Whether the same request may succeed, with nothing having begun.",
        schema: { type: "string", enum: ["true", "false"] },
      },
    },
    content: { "application/json": { schema, example } },
  };
}
