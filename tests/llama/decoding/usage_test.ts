import { assertEquals } from "@std/assert";
import { CompletionReader } from "../../../src/llama/stream/completion.ts";

const timings = { cache_n: 5, prompt_n: 2, predicted_n: 7, prompt_ms: 1.5 };

function usageOf(...events: Record<string, unknown>[]): unknown {
  const reader = new CompletionReader();
  for (const event of events) reader.add(event);
  return reader.completion.usage;
}

Deno.test("tokens are read from timings where there is no usage, those from the cache included", () => {
  assertEquals(usageOf({ choices: [{ finish_reason: "stop" }], timings }), {
    promptTokens: 7,
    completionTokens: 7,
    totalTokens: 14,
  });
});

Deno.test("usage counts before timings", () => {
  assertEquals(usageOf({ usage: { prompt_tokens: 3, completion_tokens: 4 }, timings }), {
    promptTokens: 3,
    completionTokens: 4,
    totalTokens: 7,
  });
});
