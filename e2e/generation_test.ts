import { assert, assertEquals } from "@std/assert";
import { infer, type ReplyLine } from "../tests/support/ndjson_client.ts";
import { type Stack, withStack } from "./support/stack.ts";

/** The three ways of asking llama-server, and what each takes. */
const MODES = [
  { name: "/v1/completions", args: [], path: "/v1/completions" },
  { name: "/v1/chat/completions", args: ["--llama-chat"], path: "/v1/chat/completions" },
  { name: "native /completion", args: ["--llama-use-openai=false"], path: "/completion" },
];

/** What a reply says beside its tokens. */
function ending(line: ReplyLine): Pick<ReplyLine, "finish_reason" | "usage"> {
  assert(line.done === true, `not a final line: ${line.text}`);
  return { ...line.finish_reason && { finish_reason: line.finish_reason }, ...line.usage && { usage: line.usage } };
}

/** Asks llama-server itself, without streaming, for what it counts. */
async function directUsage(stack: Stack, path: string, prompt: string, tokens: number): Promise<ReplyLine["usage"]> {
  const body = path === "/completion"
    ? { prompt, n_predict: tokens }
    : path === "/v1/completions"
    ? { prompt, max_tokens: tokens }
    : { messages: [{ role: "user", content: prompt }], max_tokens: tokens };
  const response = await fetch(new URL(path, stack.llama.url), { method: "POST", body: JSON.stringify(body) });
  const reply = await response.json();
  const prompt_tokens = reply.usage?.prompt_tokens ?? reply.tokens_evaluated;
  const completion_tokens = reply.usage?.completion_tokens ?? reply.tokens_predicted;
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

for (const mode of MODES) {
  Deno.test(`${mode.name}: tokens stream, the final line holds them all, and usage is what llama-server counts`, async () => {
    await withStack({ modeld: mode.args }, async (stack) => {
      const reply = await infer(stack.modeld.url, { prompt: "Once upon a time", max_tokens: 24, seed: 7 });
      assertEquals(reply.status, 200);
      assertEquals(reply.headers.get("content-type"), "application/x-ndjson");
      const last = await reply.last();
      assert(reply.lines.length > 2, reply.text);
      assertEquals(last.content, await reply.content());
      const usage = await directUsage(stack, mode.path, "Once upon a time", 24);
      assert(usage !== undefined);
      assertEquals(ending(last), { finish_reason: "length", usage });
    });
  });

  Deno.test(`${mode.name}: the same seed gives the same text, another seed another`, async () => {
    await withStack({ modeld: mode.args }, async ({ modeld }) => {
      const texts: string[] = [];
      for (const seed of [42, 42, 43]) {
        const reply = await infer(modeld.url, { prompt: "Once", max_tokens: 32, seed, temperature: 1.5 });
        texts.push(await reply.content());
      }
      const [first, again, other] = texts;
      assertEquals(again, first);
      assert(other !== first, "another seed gave the same text");
    });
  });

  Deno.test(`${mode.name}: a stop sequence ends the text before it, with finish_reason stop`, async () => {
    await withStack({ modeld: mode.args }, async ({ modeld }) => {
      const request = { prompt: "Once", max_tokens: 400, seed: 5 };
      const whole = await (await infer(modeld.url, request)).content();
      const stop = whole.match(/[!-~]{2}/)?.[0];
      assert(stop !== undefined, `no two printable characters in ${JSON.stringify(whole)}`);
      const last = await (await infer(modeld.url, { ...request, stop: [stop] })).last();
      assertEquals(last.finish_reason, "stop");
      assertEquals(last.content, whole.slice(0, whole.indexOf(stop)));
    });
  });

  Deno.test(`${mode.name}: stream false gives the final line alone, with the same text`, async () => {
    await withStack({ modeld: mode.args }, async ({ modeld }) => {
      const request = { prompt: "Once", max_tokens: 16, seed: 5, temperature: 0 };
      const streamed = await (await infer(modeld.url, request)).content();
      const reply = await infer(modeld.url, { ...request, stream: false });
      const last = await reply.last();
      assertEquals(reply.lines.length, 1);
      assertEquals([last.done, last.content], [true, streamed]);
    });
  });
}
