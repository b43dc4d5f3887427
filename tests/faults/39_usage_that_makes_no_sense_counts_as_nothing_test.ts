import { assertEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { replyStream } from "../support/replies.ts";
import { completionToken, nativeToken, sse, SSE_DONE } from "../support/wire_streams.ts";
import { samples } from "./support/accounts.ts";
import { play } from "./support/scenario.ts";
import { postV1 } from "./support/v1_client.ts";

/** Counts that are none, as llama-server may put them on the wire. */
const NONSENSE = ["-1", "0.5", "1e300", "1e999", "9007199254740993", '"12"', "null", "[]", "true"];

/** The tokens that the metrics count. */
function tokensIn(metrics: string): number {
  return samples(metrics, "modeld_tokens_total").reduce((sum, { value }) => sum + value, 0);
}

/** The end of an answer, with these texts as the counts. */
const ENDS: Record<string, (count: string) => string> = {
  "/v1/completions": (count) =>
    `data: {"choices":[{"text":"","index":0,"finish_reason":"stop"}],` +
    `"usage":{"prompt_tokens":${count},"completion_tokens":${count},"total_tokens":${count}}}\n\n${SSE_DONE}`,
  "native": (count) =>
    `data: {"content":"","stop":true,"stop_type":"eos","tokens_predicted":${count},"tokens_evaluated":${count}}\n\n`,
};

for (const [name, end] of Object.entries(ENDS)) {
  for (const stream of [true, false]) {
    Deno.test(`${name}: counts that make no sense are 0 in reply and metrics and flagged in the log (stream ${stream})`, async () => {
      const count = NONSENSE.length;
      await play({ outcomes: { "ok stream": count }, posts: count }, async ({ llama, modeld, ask }) => {
        const before = tokensIn((await modeld.get("/metrics")).text);
        for (const nonsense of NONSENSE) {
          const token = name === "native" ? nativeToken(" one", 1) : completionToken(" one");
          llama.next((exchange) => replyStream(exchange, token + end(nonsense)));
          const reply = await ask({ stream });
          const last = await reply.last();
          assertEquals([reply.status, last.done, last.content], [200, true, " one"], `${nonsense}: ${reply.text}`);
          assertEquals(last.usage, { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }, nonsense);
        }
        assertEquals(tokensIn((await modeld.get("/metrics")).text), before);
        await eventually("all flagged", () => flagged(modeld.process.stderrLines) === count);
        assertEquals(modeld.stderr.includes("please report it"), false, modeld.stderr);
      });
    });
  }
}

Deno.test("usage that is no object is flagged; a total that makes no sense is put right", async () => {
  await play({ outcomes: { "ok stream": 2 }, posts: 2 }, async ({ llama, modeld, ask }) => {
    const usages = ["many", { prompt_tokens: 3, completion_tokens: 4, total_tokens: -7 }];
    const totals: unknown[] = [];
    for (const usage of usages) {
      const event = sse({ choices: [{ text: " one", index: 0, finish_reason: "stop" }], usage });
      llama.next((exchange) => replyStream(exchange, event + SSE_DONE));
      totals.push((await (await ask()).last()).usage?.total_tokens);
    }
    assertEquals(totals, [0, 7]);
    await eventually("both flagged", () => flagged(modeld.process.stderrLines) === 2);
  });
});

Deno.test("/v1: counts that make no sense pass to the client, are 0 in the metrics and flagged in the log", async () => {
  const count = NONSENSE.length;
  await play({ outcomes: { "ok stream": count }, posts: count }, async ({ llama, modeld }) => {
    const before = tokensIn((await modeld.get("/metrics")).text);
    for (const nonsense of NONSENSE) {
      const stream = completionToken(" one") + ENDS["/v1/completions"]?.(nonsense);
      llama.next((exchange) => replyStream(exchange, stream));
      const { text } = await postV1(modeld.url, "/v1/completions", { prompt: "Once", stream: true });
      assertEquals(text, stream);
    }
    assertEquals(tokensIn((await modeld.get("/metrics")).text), before);
    await eventually("all flagged", () => flagged(modeld.process.stderrLines) === count);
  });
});

function flagged(lines: readonly string[]): number {
  return lines.filter((line) => JSON.parse(line).usage_invalid === true).length;
}
