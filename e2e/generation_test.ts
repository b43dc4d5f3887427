import { assert, assertEquals } from "@std/assert";
import { infer, type Usage } from "../tests/support/ndjson_client.ts";
import type { RealLlamaServer } from "../tests/support/real_llama_server.ts";
import { withStack } from "./support/stack.ts";

/** A way of asking llama-server: how modeld is told to, and how one would ask by hand for some tokens. */
interface Mode {
  readonly args: readonly string[];
  readonly path: string;
  readonly body: (prompt: string, tokens: number) => unknown;
}

const MODES: readonly Mode[] = [
  {
    args: [],
    path: "/v1/completions",
    body: (prompt, max_tokens) => ({ prompt, max_tokens }),
  },
  {
    args: ["--llama-chat"],
    path: "/v1/chat/completions",
    body: (content, max_tokens) => ({ messages: [{ role: "user", content }], max_tokens }),
  },
  {
    args: ["--llama-use-openai=false"],
    path: "/completion",
    body: (prompt, n_predict) => ({ prompt, n_predict }),
  },
];

/** Asks llama-server itself, without streaming, for what it counts. */
async function directUsage(llama: RealLlamaServer, mode: Mode, prompt: string, tokens: number): Promise<Usage> {
  const body = JSON.stringify(mode.body(prompt, tokens));
  const reply = await (await fetch(new URL(mode.path, llama.url), { method: "POST", body })).json();
  const prompt_tokens = reply.usage?.prompt_tokens ?? reply.tokens_evaluated;
  const completion_tokens = reply.usage?.completion_tokens ?? reply.tokens_predicted;
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

for (const mode of MODES) {
  Deno.test(`${mode.path}: tokens stream, the final line holds them all, and usage is what llama-server counts`, async () => {
    await withStack({ modeld: mode.args }, async ({ llama, modeld }) => {
      const reply = await infer(modeld.url, { prompt: "Once upon a time", max_tokens: 24, seed: 7 });
      assertEquals(reply.status, 200);
      assertEquals(reply.headers.get("content-type"), "application/x-ndjson");
      const last = await reply.last();
      assert(reply.lines.length > 2, reply.text);
      assertEquals(last.content, await reply.content());
      assertEquals([last.done, last.finish_reason], [true, "length"]);
      assertEquals(last.usage, await directUsage(llama, mode, "Once upon a time", 24));
    });
  });

  Deno.test(`${mode.path}: progress lines count the prompt's tokens up before the first token`, async () => {
    await withStack({ modeld: mode.args }, async ({ modeld }) => {
      const prompt = "Once upon a time ".repeat(300);
      const reply = await infer(modeld.url, { prompt, max_tokens: 4, progress: true });
      const { usage } = await reply.last();
      const progress = reply.lines.flatMap((line) => line.progress ?? []);
      const first = reply.lines.findIndex(({ token }) => token !== undefined);
      assert(reply.lines.slice(first).every((line) => line.progress === undefined), "progress after the first token");
      const done = progress.map(({ prompt_done = 0 }) => prompt_done);
      assertEquals(done.toSorted((a, b) => a - b), done);
      assertEquals([done.at(-1), progress.at(-1)?.stage], [usage?.prompt_tokens, "prefill"]);
      assert(progress.length >= 3, reply.text.slice(0, 1_000));
    });
  });

  Deno.test(`${mode.path}: the same seed gives the same text, another seed another`, async () => {
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

  Deno.test(`${mode.path}: a stop sequence ends the text before it, with finish_reason stop`, async () => {
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

  Deno.test(`${mode.path}: stream false gives the final line alone, with the same text`, async () => {
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
