import { assert } from "@std/assert";
import { chunk, STREAM_HEAD } from "../support/replies.ts";
import { playEach } from "./support/apis.ts";
import { fastest, TRIES } from "./support/fastest.ts";

for (const silence of ["between two tokens", "while llama-server is silent"]) {
  Deno.test(`a client that leaves mid-stream, ${silence}, aborts llama-server within 100 ms`, async () => {
    await playEach({ outcomes: { "cancelled stream": TRIES }, posts: TRIES }, async ({ llama, api, ask }) => {
      const took = await fastest(async () => {
        const taken = llama.take();
        const asking = ask();
        const exchange = await taken;
        await exchange.send(STREAM_HEAD + chunk(api.start + api.token(" upon")));
        const reply = await asking;
        await reply.tokens(1);
        const timer = silence.startsWith("between")
          ? setInterval(() => exchange.send(chunk(api.token(" and"))).catch(() => {}), 5) // until it is gone
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
