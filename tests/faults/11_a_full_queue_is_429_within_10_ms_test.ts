import { assert, assertEquals, assertMatch } from "@std/assert";
import { assertRefused, assertStreamed } from "../support/assert_reply.ts";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { eventually } from "../support/eventually.ts";
import { replyStream } from "../support/replies.ts";
import { completionStream } from "../support/wire_streams.ts";
import { TRIES } from "./support/fastest.ts";
import { play, queueLength } from "./support/scenario.ts";

Deno.test("a full queue is 429 queue_full within 10 ms, with Retry-After, depth and limit", async () => {
  await play(
    {
      fake: { slots: 1 },
      modeld: ["--max-queue-depth", "1"],
      outcomes: { "ok stream": 2, "rejected queue": TRIES },
      posts: 2,
    },
    async ({ llama, modeld, ask }) => {
      const taken = llama.take();
      const first = ask();
      const exchange = await taken;
      const queued = ask();
      await eventually("one waits", async () => await queueLength(modeld) === 1);

      for (let count = 0; count < TRIES; count++) {
        const reply = await ask();
        await assertRefused(reply, { code: 429, type: "queue_full", says: "too busy: tiny" });
        assertMatch(reply.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
        assertMatch(reply.lines[0]?.error ?? "", /\b1\b.*\b1\b/);
      }
      const lines = modeld.process.stderrLines.map((line) => JSON.parse(line));
      const refusals = lines.filter((line) => line.type === "queue_full").map((line) => line.total_ms);
      assertEquals(refusals.length, TRIES);
      assert(Math.min(...refusals) < 10, `by its own account modeld took ${refusals} ms`);

      await replyStream(exchange, completionStream([" one"]));
      await assertStreamed(await first, [" one"], "stop", [2, 1]);
      await assertStreamed(await queued, CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);
    },
  );
});
