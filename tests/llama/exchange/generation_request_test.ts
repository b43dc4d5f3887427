import { assertEquals } from "@std/assert";
import type { GenerateRequest } from "../../../src/llama/llama_server.ts";
import { generationBody } from "../../../src/llama/requests.ts";

const FULL: GenerateRequest = {
  model: "m",
  prompt: "Once",
  maxTokens: 5,
  temperature: 0,
  topP: 0.5,
  topK: 40,
  seed: 7,
  repeatPenalty: 1.1,
  stop: ["\n"],
  headers: { "x-request-id": "1" },
};

Deno.test("a request for completions holds the prompt and nothing that the client did not send", () => {
  assertEquals(generationBody({ prompt: "Once" }, "completions"), { prompt: "Once", stream: true });
});

Deno.test("a request for completions holds every field that the client sent, zeros included", () => {
  assertEquals(generationBody(FULL, "completions"), {
    model: "m",
    prompt: "Once",
    stream: true,
    max_tokens: 5,
    temperature: 0,
    top_p: 0.5,
    top_k: 40,
    seed: 7,
    repeat_penalty: 1.1,
    stop: ["\n"],
  });
});

Deno.test("a request for chat is one message of the user, and asks for usage", () => {
  assertEquals(generationBody({ prompt: "Once", maxTokens: 5 }, "chat"), {
    messages: [{ role: "user", content: "Once" }],
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: 5,
  });
});

Deno.test("a native request calls the limit n_predict", () => {
  assertEquals(generationBody({ model: "m", prompt: "Once", maxTokens: 5, repeatPenalty: 1.1 }, "native"), {
    model: "m",
    prompt: "Once",
    stream: true,
    n_predict: 5,
    repeat_penalty: 1.1,
  });
});
