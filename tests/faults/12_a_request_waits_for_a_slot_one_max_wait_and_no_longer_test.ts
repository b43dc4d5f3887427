import { assert, assertEquals, assertMatch } from "@std/assert";
import { replyStream } from "../support/replies.ts";
import { playEach } from "./support/apis.ts";
import { queueLength } from "./support/scenario.ts";

Deno.test("a request that waited max-wait for a slot is 429 wait_timeout after one max-wait, and leaves the queue", async () => {
  await playEach(
    {
      fake: { slots: 1 },
      modeld: ["--max-wait", "1s"],
      outcomes: { "ok stream": 1, "rejected queue": 1 },
      posts: 1,
    },
    async ({ llama, modeld, api, ask }) => {
      const taken = llama.take();
      const first = ask();
      const exchange = await taken;
      const start = performance.now();
      const reply = await ask();
      const waited = performance.now() - start;
      assert(waited >= 990 && waited < 1_900, `it waited ${waited} ms`);
      assertMatch(reply.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
      await reply.assertRefused({ code: 429, type: "wait_timeout", says: "too busy: tiny" });
      assertEquals(await queueLength(modeld), 0);
      await replyStream(exchange, api.stream([" one"]));
      await (await first).assertStreamed([" one"], [2, 1]);
    },
  );
});
