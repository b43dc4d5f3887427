import Anthropic from "@anthropic-ai/sdk";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, type LanguageModel, streamText } from "ai";
import OpenAI from "openai";

/** What a client is asked to have generated. */
export interface Ask {
  readonly prompt: string;
  readonly maxTokens?: number;
  readonly signal?: AbortSignal;
}

/** How a client reaches modeld. */
export interface ClientOptions {
  readonly url: URL;
  readonly apiKey?: string;
  /** How often it sends a request again that failed; missing: as it does by itself. */
  readonly maxRetries?: number;
}

/** One API of one client library, as its users call it. */
export interface Client {
  readonly name: string;
  /** The path that it posts to. */
  readonly path: string;
  /** Whether it does what `x-should-retry` says. */
  readonly obeysShouldRetry: boolean;
  /** The pieces of text as they come. */
  stream(ask: Ask): AsyncIterable<string>;
  /** The whole text at once. */
  whole(ask: Ask): Promise<string>;
}

/** A fresh one of each client, with the options that each library has for them. */
export function clients(options: ClientOptions): readonly Client[] {
  return [openaiChat(options), openaiResponses(options), anthropic(options), aiSdk(options), langchain(options)];
}

/** The `openai` package. */
export function openaiOf({ url, apiKey = "none", maxRetries }: ClientOptions): OpenAI {
  return new OpenAI({ baseURL: new URL("/v1", url).href, apiKey, ...maxRetries !== undefined && { maxRetries } });
}

/** The `@anthropic-ai/sdk` package; it sends its key as `x-api-key`. */
export function anthropicOf({ url, apiKey = "none", maxRetries }: ClientOptions): Anthropic {
  return new Anthropic({ baseURL: url.origin, apiKey, ...maxRetries !== undefined && { maxRetries } });
}

/** The model of `@ai-sdk/openai-compatible`. */
export function aiModelOf({ url, apiKey }: ClientOptions): LanguageModel {
  const baseURL = new URL("/v1", url).href;
  const provider = createOpenAICompatible({
    name: "modeld",
    baseURL,
    supportsStructuredOutputs: true,
    ...apiKey !== undefined && { apiKey },
  });
  return provider("tiny");
}

/** The `@langchain/openai` package. */
export function langchainOf({ url, apiKey = "none", maxRetries }: ClientOptions, maxTokens = 8): ChatOpenAI {
  return new ChatOpenAI({
    model: "tiny",
    maxTokens,
    configuration: { baseURL: new URL("/v1", url).href },
    apiKey,
    ...maxRetries !== undefined && { maxRetries },
  });
}

function openaiChat(options: ClientOptions): Client {
  const { chat } = openaiOf(options);
  const body = ({ prompt, maxTokens = 8 }: Ask) => ({
    model: "tiny",
    max_completion_tokens: maxTokens,
    messages: [{ role: "user" as const, content: prompt }],
  });
  return {
    name: "openai chat",
    path: "/v1/chat/completions",
    obeysShouldRetry: true,
    async *stream(ask) {
      const chunks = await chat.completions.create({ ...body(ask), stream: true }, requestOptions(ask));
      for await (const { choices } of chunks) yield choices[0]?.delta.content ?? "";
    },
    async whole(ask) {
      const { choices } = await chat.completions.create(body(ask), requestOptions(ask));
      return choices[0]?.message.content ?? "";
    },
  };
}

function openaiResponses(options: ClientOptions): Client {
  const { responses } = openaiOf(options);
  const body = ({ prompt, maxTokens = 8 }: Ask) => ({ model: "tiny", input: prompt, max_output_tokens: maxTokens });
  return {
    name: "openai responses",
    path: "/v1/responses",
    obeysShouldRetry: true,
    async *stream(ask) {
      const events = await responses.create({ ...body(ask), stream: true }, requestOptions(ask));
      for await (const event of events) if (event.type === "response.output_text.delta") yield event.delta;
    },
    async whole(ask) {
      return (await responses.create(body(ask), requestOptions(ask))).output_text;
    },
  };
}

function anthropic(options: ClientOptions): Client {
  const { messages } = anthropicOf(options);
  const body = ({ prompt, maxTokens = 8 }: Ask) => ({
    model: "tiny",
    max_tokens: maxTokens,
    messages: [{ role: "user" as const, content: prompt }],
  });
  return {
    name: "anthropic",
    path: "/v1/messages",
    obeysShouldRetry: true,
    async *stream(ask) {
      const events = await messages.create({ ...body(ask), stream: true }, requestOptions(ask));
      for await (const event of events) {
        if (event.type === "content_block_delta" && event.delta.type === "text_delta") yield event.delta.text;
      }
    },
    async whole(ask) {
      const { content } = await messages.create(body(ask), requestOptions(ask));
      return content.map((block) => block.type === "text" ? block.text : "").join("");
    },
  };
}

function aiSdk(options: ClientOptions): Client {
  const { maxRetries } = options;
  const call = ({ prompt, maxTokens = 8, signal }: Ask) => ({
    model: aiModelOf(options),
    prompt,
    maxOutputTokens: maxTokens,
    ...maxRetries !== undefined && { maxRetries },
    ...signal !== undefined && { abortSignal: signal },
  });
  return {
    name: "ai",
    path: "/v1/chat/completions",
    obeysShouldRetry: false,
    async *stream(ask) {
      const { fullStream } = streamText({ ...call(ask), onError() {} });
      for await (const part of fullStream) {
        if (part.type === "error") throw part.error; // it hands errors on as parts of the stream
        if (part.type === "abort") throw ask.signal?.reason;
        if (part.type === "text-delta") yield part.text;
      }
    },
    async whole(ask) {
      return (await generateText(call(ask))).text;
    },
  };
}

function langchain(options: ClientOptions): Client {
  return {
    name: "langchain",
    path: "/v1/chat/completions",
    obeysShouldRetry: false,
    async *stream({ prompt, maxTokens, signal }) {
      const model = langchainOf(options, maxTokens);
      for await (const { content } of await model.stream(prompt, { ...signal && { signal } })) yield String(content);
    },
    async whole({ prompt, maxTokens, signal }) {
      return String((await langchainOf(options, maxTokens).invoke(prompt, { ...signal && { signal } })).content);
    },
  };
}

function requestOptions({ signal }: Ask): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
