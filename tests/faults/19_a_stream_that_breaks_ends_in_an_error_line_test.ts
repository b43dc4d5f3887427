import type { Exchange } from "../support/raw_http_server.ts";
import { chunk, head, STREAM_HEAD } from "../support/replies.ts";
import { type Api, playEach } from "./support/apis.ts";

/** The beginning of a token's event. */
function half(api: Api): string {
  return api.token(" a").slice(0, 30);
}

const BREAKS: Record<string, (exchange: Exchange, api: Api) => void | Promise<void>> = {
  "resets": (exchange) => exchange.reset(),
  "closes without the chunk terminator": (exchange) => exchange.close(),
  "closes in the middle of a chunk": async (exchange, api) => {
    await exchange.send(chunk(half(api)).slice(0, -9));
    await exchange.close();
  },
  "resets in the middle of an event": async (exchange, api) => {
    await exchange.send(chunk(half(api)));
    exchange.reset();
  },
};

for (const [how, breakOff] of Object.entries(BREAKS)) {
  Deno.test(`a llama-server that ${how} mid-stream ends the reply in an error line of type truncated`, async () => {
    await playEach({ outcomes: { "truncated stream": 1 }, posts: 1 }, async ({ llama, api, ask }) => {
      const taken = llama.take();
      const asking = ask();
      const exchange = await taken;
      await exchange.send(STREAM_HEAD + chunk(api.start + api.token(" upon")));
      const reply = await asking;
      await reply.tokens(1);
      await breakOff(exchange, api);
      await reply.assertCutShort([" upon"], { code: 500, type: "truncated", says: "adapter generate: " });
    });
  });
}

Deno.test("a body shorter than its Content-Length ends the reply in an error line of type truncated", async () => {
  await playEach({ outcomes: { "truncated stream": 1 }, posts: 1 }, async ({ llama, api, ask }) => {
    llama.next(async (exchange) => {
      const event = api.start + api.token(" upon");
      const length = String(event.length + 100);
      await exchange.send(head(200, { "Content-Type": "text/event-stream", "Content-Length": length }) + event);
      await exchange.close();
    });
    await (await ask()).assertCutShort([" upon"], { code: 500, type: "truncated", says: "adapter generate: " });
  });
});
