import { assert, assertEquals } from "@std/assert";
import { replyStream } from "../support/replies.ts";
import { completionStream } from "../support/wire_streams.ts";
import { eventually } from "../support/eventually.ts";
import { fastest, TRIES } from "./support/fastest.ts";
import { play, queueLength } from "./support/scenario.ts";

Deno.test("/healthz answers within 50 ms while every slot is busy, without touching llama-server", async () => {
  const slots = 4;
  await play(
    { fake: { slots }, outcomes: { "ok stream": slots + 1 }, posts: slots + 1 },
    async ({ llama, modeld, ask }) => {
      const taken = Array.from({ length: slots }, () => llama.take());
      const asking = Array.from({ length: slots + 1 }, () => ask());
      const exchanges = await Promise.all(taken);
      await eventually("one waits", async () => await queueLength(modeld) === 1);

      const before = llama.requests.length;
      const took = await fastest(async () => {
        const start = performance.now();
        const { status, text } = await modeld.get("/healthz");
        assertEquals([status, text], [200, "ok"]);
        return performance.now() - start;
      });
      assert(took < 50, `the fastest took ${took} ms`);
      const since = llama.requests.slice(before).map((request) => `${request.method} ${request.path}`);
      assert(since.length < TRIES, `${TRIES} probes caused ${since}`);

      for (const exchange of exchanges) await replyStream(exchange, completionStream([" one"]));
      for (const reply of asking) assertEquals((await (await reply).last()).done, true);
    },
  );
});
