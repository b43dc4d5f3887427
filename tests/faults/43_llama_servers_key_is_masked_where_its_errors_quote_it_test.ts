import { assert, assertEquals } from "@std/assert";
import { chunk, LAST_CHUNK, replyJson, STREAM_HEAD } from "../support/replies.ts";
import { errorBody } from "../support/wire_streams.ts";
import { playEach } from "./support/apis.ts";

/** Has what JSON must escape, so that a quote of the raw answer shows it in another form. */
const KEY = 'sk-s3cret"key-0123456789';

Deno.test("where llama-server quotes its own key, neither client nor log see it", async () => {
  const flags = ["--llama-api-key", KEY, "--log-level=debug"];
  const outcomes = { "upstream_error prefill": 2, "invalid prefill": 1, "upstream_error stream": 2 };
  await playEach({ fake: { apiKey: KEY }, modeld: flags, outcomes, posts: 5 }, async ({ llama, modeld, api, ask }) => {
    const replies: string[] = [];
    const expectMasked = async (asking: ReturnType<typeof ask>) => {
      const text = await (await asking).text();
      assert(!text.includes("s3cret"), text);
      replies.push(text);
    };
    for (
      const [status, message] of [
        [401, `Invalid API Key: ${KEY}`],
        [400, `cannot use ${KEY}`],
        // Cut to an excerpt in the midst of the key.
        [500, `${"x".repeat(290)}${KEY}`],
      ] as const
    ) {
      llama.next((exchange) => replyJson(exchange, status, errorBody(status, message, `type_${KEY}`)));
      await expectMasked(ask());
    }
    for (const event of [`data: ${JSON.stringify({ error: { message: KEY } })}\n\n`, `data: {"raw":${KEY}\n\n`]) {
      llama.next((exchange) => exchange.send(STREAM_HEAD + chunk(api.token(" a") + event) + LAST_CHUNK));
      await expectMasked(ask());
    }
    assertEquals(replies.every((text) => text.includes("***")), true, replies.join("\n"));
    assert(!modeld.stderr.includes("s3cret"), modeld.stderr);
  });
});
