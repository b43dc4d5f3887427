import { assert } from "@std/assert";
import { chunk, STREAM_HEAD } from "../support/replies.ts";
import { playEach } from "./support/apis.ts";
import { fastest, TRIES } from "./support/fastest.ts";
import { RawClient } from "./support/raw_client.ts";

Deno.test("a client that half-closes after its request counts as gone", async () => {
  await playEach({ outcomes: { "cancelled stream": TRIES }, posts: TRIES }, async ({ llama, modeld, api }) => {
    const took = await fastest(async () => {
      const taken = llama.take();
      using client = await RawClient.connect(modeld.url);
      await client.post(api.path, api.body("Once"));
      const exchange = await taken;
      await exchange.send(STREAM_HEAD + chunk(api.start + api.token(" upon")));
      await client.until(api.shown(" upon"));
      await client.closeWrite();
      const start = performance.now();
      await exchange.gone;
      return performance.now() - start;
    });
    assert(took < 100, `the connection stayed for ${took} ms`);
  });
});
