import { assertEquals } from "@std/assert";
import { loadEngine } from "../src/demo/generation.ts";
import { serveEngine } from "../src/demo/server.ts";
import { readStoryModel, storyModelUrl } from "../src/demo/story_model.ts";
import { RealLlamaServer } from "../tests/support/real_llama_server.ts";

/** Runs a test against the engine and a real llama-server, both with the model that tells stories. */
async function withBoth(run: (engine: URL, llama: URL) => Promise<void>): Promise<void> {
  const llama = await RealLlamaServer.start(["-m", storyModelUrl.pathname, "-c", "512", "-np", "1"]);
  const engine = serveEngine(loadEngine(await readStoryModel()));
  try {
    await run(engine.url, llama.url);
  } finally {
    await engine.stop();
    await llama.stop();
  }
}

async function post(base: URL, path: string, body: unknown) {
  const response = await fetch(new URL(path, base), { method: "POST", body: JSON.stringify(body) });
  return await response.json();
}

const prompts = [
  "",
  "Once upon a time",
  "There was a brave dragon named",
  "Tell me a story about a fox and a kite.",
  "The little robot went to the",
  "What is the capital of France?",
  'She said, "Do not',
  "Es war einmal: 日本 🦙\n\n  two  spaces",
  "</s> is text",
];

Deno.test("the engine tokenizes as llama-server does", async () => {
  await withBoth(async (engine, llama) => {
    for (const content of prompts.slice(0, -1)) {
      const body = { content, add_special: true };
      assertEquals(await post(engine, "/tokenize", body), await post(llama, "/tokenize", body), content);
    }
  });
});

Deno.test("the engine's greedy text is llama-server's, token for token, to the end of the story", async () => {
  await withBoth(async (engine, llama) => {
    for (const prompt of prompts.slice(0, -1)) {
      const body = { prompt, temperature: 0, cache_prompt: false, return_tokens: true };
      const [ours, theirs] = await Promise.all([engine, llama].map((base) => post(base, "/completion", body)));
      const compared = ({ content, stop_type, tokens_predicted, tokens_evaluated }: Record<string, unknown>) => ({
        content,
        stop_type,
        tokens_predicted,
        tokens_evaluated,
      });
      assertEquals(compared(ours), compared(theirs), prompt);
      assertEquals(ours.stop_type, "eos");
    }
  });
});

Deno.test("the engine understands a conversation as llama-server does by the model's own template", async () => {
  await withBoth(async (engine, llama) => {
    for (
      const messages of [
        [{ role: "user", content: "Tell me a story about a robot." }],
        [
          { role: "user", content: "Hello" },
          { role: "assistant", content: "Once there was a fox." },
          { role: "user", content: [{ type: "text", text: "Another one, " }, { type: "text", text: "please" }] },
        ],
      ]
    ) {
      const body = { messages, temperature: 0 };
      const [ours, theirs] = await Promise.all([engine, llama].map((base) => post(base, "/v1/chat/completions", body)));
      assertEquals(ours.choices, theirs.choices);
      assertEquals(ours.usage.prompt_tokens, theirs.usage.prompt_tokens);
      assertEquals(ours.usage.completion_tokens, theirs.usage.completion_tokens);
    }
  });
});

Deno.test("stop texts and limits end the engine's text where llama-server's ends", async () => {
  await withBoth(async (engine, llama) => {
    for (
      const options of [{ stop: ["named"] }, { max_tokens: 7 }, { stop: [".", "upon"], max_tokens: 60 }, {
        max_tokens: 0,
      }]
    ) {
      const body = { prompt: "Once upon a time", temperature: 0, ...options };
      const [ours, theirs] = await Promise.all([engine, llama].map((base) => post(base, "/v1/completions", body)));
      assertEquals(ours.choices, theirs.choices);
      assertEquals(ours.usage.completion_tokens, theirs.usage.completion_tokens);
    }
  });
});
