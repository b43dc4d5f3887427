import type { Exchange } from "../support/raw_http_server.ts";
import { chunk, LAST_CHUNK, STREAM_HEAD } from "../support/replies.ts";
import { playEach } from "./support/apis.ts";

/** Streams, announces keep-alive, and closes some moments later, as a real llama-server does. */
async function streamAndClose(exchange: Exchange, stream: string, moments: number): Promise<void> {
  await exchange.send(STREAM_HEAD + chunk(stream) + LAST_CHUNK);
  await new Promise((resolve) => setTimeout(resolve, moments));
  await exchange.close();
}

Deno.test("300 back-to-back streams of each API from a server that closes after each: all succeed, one POST each", async () => {
  await playEach({ outcomes: { "ok stream": 300 }, posts: 300 }, async ({ llama, api, ask }) => {
    for (let count = 0; count < 300; count++) {
      llama.next((exchange) => streamAndClose(exchange, api.stream([" upon"]), count % 6));
      await (await ask()).assertStreamed([" upon"], [2, 1]);
    }
  });
});
