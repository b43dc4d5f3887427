import { assertCutShort } from "../support/assert_reply.ts";
import type { Exchange } from "../support/raw_http_server.ts";
import { chunk, head, STREAM_HEAD } from "../support/replies.ts";
import { completionToken } from "../support/wire_streams.ts";
import { play } from "./support/scenario.ts";

const event = completionToken(" upon");
const half = completionToken(" a").slice(0, 30);

const BREAKS: Record<string, (exchange: Exchange) => void | Promise<void>> = {
  "resets": (exchange) => exchange.reset(),
  "closes without the chunk terminator": (exchange) => exchange.close(),
  "closes in the middle of a chunk": async (exchange) => {
    await exchange.send(chunk(half).slice(0, -9));
    await exchange.close();
  },
  "resets in the middle of an event": async (exchange) => {
    await exchange.send(chunk(half));
    exchange.reset();
  },
};

for (const [how, breakOff] of Object.entries(BREAKS)) {
  Deno.test(`a llama-server that ${how} mid-stream ends the reply in an error line of type truncated`, async () => {
    await play({ outcomes: { "truncated stream": 1 }, posts: 1 }, async ({ llama, ask }) => {
      const taken = llama.take();
      const asking = ask();
      const exchange = await taken;
      await exchange.send(STREAM_HEAD + chunk(event));
      const reply = await asking;
      await reply.read(1);
      await breakOff(exchange);
      await assertCutShort(reply, [" upon"], { code: 500, type: "truncated", says: "adapter generate: " });
    });
  });
}

Deno.test("a body shorter than its Content-Length ends the reply in an error line of type truncated", async () => {
  await play({ outcomes: { "truncated stream": 1 }, posts: 1 }, async ({ llama, ask }) => {
    llama.next(async (exchange) => {
      const length = String(event.length + 100);
      await exchange.send(head(200, { "Content-Type": "text/event-stream", "Content-Length": length }) + event);
      await exchange.close();
    });
    await assertCutShort(await ask(), [" upon"], { code: 500, type: "truncated", says: "adapter generate: " });
  });
});
