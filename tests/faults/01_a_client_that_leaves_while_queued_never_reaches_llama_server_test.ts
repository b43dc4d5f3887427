import { assert, assertEquals } from "@std/assert";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { eventually } from "../support/eventually.ts";
import { replyStream } from "../support/replies.ts";
import { playEach } from "./support/apis.ts";
import { queueLength } from "./support/scenario.ts";

Deno.test("a client that leaves while queued never reaches llama-server, and the next waiter moves up", async () => {
  await playEach(
    { fake: { slots: 1 }, outcomes: { "ok stream": 2, "cancelled queue": 1 }, posts: 2 },
    async ({ llama, modeld, api, ask }) => {
      const taken = llama.take();
      const first = ask();
      const exchange = await taken;

      const leave = new AbortController();
      ask({ prompt: "never sent" }, { signal: leave.signal });
      await eventually("one waits", async () => await queueLength(modeld) === 1);
      const next = ask();
      await eventually("two wait", async () => await queueLength(modeld) === 2);

      leave.abort();
      const took = await eventually("the waiter is gone", async () => await queueLength(modeld) === 1);
      assert(took < 1_000, `it stayed for ${took} ms`);

      await replyStream(exchange, api.stream([" one"]));
      await (await first).assertStreamed([" one"], [2, 1]);
      await (await next).assertStreamed(CANNED_TOKENS, [1, CANNED_TOKENS.length]);
      assertEquals(llama.posts.filter((post) => post.body.includes("never sent")), []);
    },
  );
});
