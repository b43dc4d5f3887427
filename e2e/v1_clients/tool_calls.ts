import { concat } from "@langchain/core/utils/stream";
import { generateText, jsonSchema, streamText, tool, type ToolSet } from "ai";
import { aiModelOf, anthropicOf, type ClientOptions, langchainOf, openaiOf } from "./clients.ts";

/** What a model asks a client to do, as the client's library hands it on. */
export interface ToolCall {
  readonly name: string;
  readonly input: unknown;
}

/** One API of one client library that has tools, as its users call it. */
export interface ToolClient {
  readonly name: string;
  /** The calls of an answer that must have some, of an answer in one piece or of a stream that is put together again. */
  calls(prompt: string, stream: boolean): Promise<ToolCall[]>;
}

/** A tool that every client is given. */
export const PAINT = {
  name: "paint",
  description: "Paints the wall",
  input: {
    type: "object" as const,
    properties: { color: { type: "string" as const, enum: ["red", "green"] } },
    required: ["color"],
    additionalProperties: false as const,
  },
};

const MAX_TOKENS = 300;

/** A fresh one of each client that has tools. */
export function toolClients(options: ClientOptions): readonly ToolClient[] {
  return [openaiChat(options), openaiResponses(options), anthropic(options), aiSdk(options), langchain(options)];
}

function openaiChat(options: ClientOptions): ToolClient {
  const { completions } = openaiOf(options).chat;
  const { name, description, input: parameters } = PAINT;
  return {
    name: "openai chat",
    async calls(prompt, stream) {
      const body = {
        model: "tiny",
        max_completion_tokens: MAX_TOKENS,
        messages: [{ role: "user" as const, content: prompt }],
        tools: [{ type: "function" as const, function: { name, description, parameters } }],
        tool_choice: "required" as const,
        parallel_tool_calls: false,
      };
      const { choices } = stream
        ? await completions.stream(body).finalChatCompletion()
        : await completions.create(body);
      return (choices[0]?.message.tool_calls ?? []).flatMap((call) =>
        call.type === "function" ? [read(call.function.name, call.function.arguments)] : []
      );
    },
  };
}

function openaiResponses(options: ClientOptions): ToolClient {
  const { responses } = openaiOf(options);
  const { name, description, input: parameters } = PAINT;
  return {
    name: "openai responses",
    async calls(prompt, stream) {
      const body = {
        model: "tiny",
        max_output_tokens: MAX_TOKENS,
        input: prompt,
        tools: [{ type: "function" as const, name, description, parameters, strict: true }],
        tool_choice: "required" as const,
        parallel_tool_calls: false,
      };
      const calls: ToolCall[] = [];
      if (!stream) {
        for (const item of (await responses.create(body)).output) {
          if (item.type === "function_call") calls.push(read(item.name, item.arguments));
        }
        return calls;
      }
      for await (const event of await responses.create({ ...body, stream: true })) {
        if (event.type === "response.output_item.done" && event.item.type === "function_call") {
          calls.push(read(event.item.name, event.item.arguments));
        }
      }
      return calls;
    },
  };
}

function anthropic(options: ClientOptions): ToolClient {
  const { messages } = anthropicOf(options);
  const { name, description, input: input_schema } = PAINT;
  return {
    name: "anthropic",
    async calls(prompt, stream) {
      const body = {
        model: "tiny",
        max_tokens: MAX_TOKENS,
        messages: [{ role: "user" as const, content: prompt }],
        tools: [{ name, description, input_schema }],
        tool_choice: { type: "any" as const, disable_parallel_tool_use: true },
      };
      const { content } = stream ? await messages.stream(body).finalMessage() : await messages.create(body);
      return content.flatMap((block) => block.type === "tool_use" ? [{ name: block.name, input: block.input }] : []);
    },
  };
}

function aiSdk(options: ClientOptions): ToolClient {
  const { description, input } = PAINT;
  return {
    name: "ai",
    async calls(prompt, stream) {
      const call = {
        model: aiModelOf(options),
        prompt,
        maxOutputTokens: MAX_TOKENS,
        // The types of `ai` do not fit `exactOptionalPropertyTypes`.
        tools: { paint: tool({ description, inputSchema: jsonSchema(input) }) } as ToolSet,
        toolChoice: "required" as const,
        providerOptions: { modeld: { parallel_tool_calls: false } },
      };
      const calls = stream ? await streamText(call).toolCalls : (await generateText(call)).toolCalls;
      return calls.map(({ toolName, input }) => ({ name: toolName, input }));
    },
  };
}

function langchain(options: ClientOptions): ToolClient {
  const { name, description, input: parameters } = PAINT;
  return {
    name: "langchain",
    async calls(prompt, stream) {
      const model = langchainOf(options, MAX_TOKENS).bindTools(
        [{ type: "function", function: { name, description, parameters } }],
        { tool_choice: "required", parallel_tool_calls: false },
      );
      if (!stream) {
        return (await model.invoke(prompt)).tool_calls?.map(({ name, args }) => ({ name, input: args })) ?? [];
      }
      const chunks = await model.stream(prompt);
      let whole = undefined;
      for await (const piece of chunks) whole = whole === undefined ? piece : concat(whole, piece);
      return whole?.tool_calls?.map(({ name, args }) => ({ name, input: args })) ?? [];
    },
  };
}

function read(name: string, json: string): ToolCall {
  return { name, input: JSON.parse(json) };
}
