import { assert } from "@std/assert";
import { chunk, STREAM_HEAD } from "../support/replies.ts";
import { completionToken } from "../support/wire_streams.ts";
import { fastest, TRIES } from "./support/fastest.ts";
import { RawClient } from "./support/raw_client.ts";
import { play } from "./support/scenario.ts";

Deno.test("a client that half-closes after its request counts as gone", async () => {
  await play({ outcomes: { "cancelled stream": TRIES }, posts: TRIES }, async ({ llama, modeld }) => {
    const took = await fastest(async () => {
      const taken = llama.take();
      using client = await RawClient.connect(modeld.url);
      await client.postInfer({ prompt: "Once" });
      const exchange = await taken;
      await exchange.send(STREAM_HEAD + chunk(completionToken(" upon")));
      await client.until('{"token":" upon"}\n');
      await client.closeWrite();
      const start = performance.now();
      await exchange.gone;
      return performance.now() - start;
    });
    assert(took < 100, `the connection stayed for ${took} ms`);
  });
});
