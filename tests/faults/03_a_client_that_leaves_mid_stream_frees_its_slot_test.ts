import { assert, assertEquals } from "@std/assert";
import { chunk, STREAM_HEAD } from "../support/replies.ts";
import { completionToken } from "../support/wire_streams.ts";
import { fastest, TRIES } from "./support/fastest.ts";
import { play } from "./support/scenario.ts";

for (const silence of ["between two tokens", "while llama-server is silent"]) {
  Deno.test(`a client that leaves mid-stream, ${silence}, aborts llama-server within 100 ms`, async () => {
    await play({ outcomes: { "cancelled stream": TRIES }, posts: TRIES }, async ({ llama, ask }) => {
      const took = await fastest(async () => {
        const taken = llama.take();
        const asking = ask();
        const exchange = await taken;
        await exchange.send(STREAM_HEAD + chunk(completionToken(" upon")));
        const reply = await asking;
        await reply.read(1);
        assertEquals(reply.text, '{"token":" upon"}\n');
        const timer = silence.startsWith("between")
          ? setInterval(() => exchange.send(chunk(completionToken(" and"))).catch(() => {}), 5) // until it is gone
          : undefined;
        await reply.leave();
        const start = performance.now();
        await exchange.gone;
        clearInterval(timer);
        return performance.now() - start;
      });
      assert(took < 100, `the connection stayed for ${took} ms`);
    });
  });
}
