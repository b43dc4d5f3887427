import { assert, assertEquals, assertMatch } from "@std/assert";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { eventually } from "../support/eventually.ts";
import { replyStream } from "../support/replies.ts";
import { APIS, playEach } from "./support/apis.ts";
import { TRIES } from "./support/fastest.ts";
import { queueLength } from "./support/scenario.ts";

Deno.test("a full queue is 429 queue_full within 10 ms, with Retry-After, depth and limit", async () => {
  await playEach(
    {
      fake: { slots: 1 },
      modeld: ["--max-queue-depth", "1"],
      outcomes: { "ok stream": 2, "rejected queue": TRIES },
      posts: 2,
    },
    async ({ llama, modeld, api, ask }) => {
      const taken = llama.take();
      const first = ask();
      const exchange = await taken;
      const queued = ask();
      await eventually("one waits", async () => await queueLength(modeld) === 1);

      for (let count = 0; count < TRIES; count++) {
        const reply = await ask();
        await reply.assertRefused({
          code: 429,
          type: "queue_full",
          says: "too busy: tiny: 1 of 1 requests waiting",
        });
        assertMatch(reply.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
      }
      const lines = modeld.process.stderrLines.map((line) => JSON.parse(line));
      const refusals = lines.filter((line) => line.type === "queue_full").map((line) => line.total_ms);
      assertEquals(refusals.length, TRIES * (1 + APIS.indexOf(api)));
      assert(Math.min(...refusals.slice(-TRIES)) < 10, `by its own account modeld took ${refusals} ms`);

      await replyStream(exchange, api.stream([" one"]));
      await (await first).assertStreamed([" one"], [2, 1]);
      await (await queued).assertStreamed(CANNED_TOKENS, [1, CANNED_TOKENS.length]);
    },
  );
});
