import { assertStreamed } from "../support/assert_reply.ts";
import type { Exchange } from "../support/raw_http_server.ts";
import { chunk, LAST_CHUNK, STREAM_HEAD } from "../support/replies.ts";
import { completionStream } from "../support/wire_streams.ts";
import { play } from "./support/scenario.ts";

/** Streams, announces keep-alive, and closes some moments later, as a real llama-server does. */
async function streamAndClose(exchange: Exchange, moments: number): Promise<void> {
  await exchange.send(STREAM_HEAD + chunk(completionStream([" upon"])) + LAST_CHUNK);
  await new Promise((resolve) => setTimeout(resolve, moments));
  await exchange.close();
}

Deno.test("300 back-to-back streams from a server that closes after each: 300 succeed, one POST each", async () => {
  await play({ outcomes: { "ok stream": 300 }, posts: 300 }, async ({ llama, ask }) => {
    for (let count = 0; count < 300; count++) {
      llama.next((exchange) => streamAndClose(exchange, count % 6));
      await assertStreamed(await ask(), [" upon"], "stop", [2, 1]);
    }
  });
});
