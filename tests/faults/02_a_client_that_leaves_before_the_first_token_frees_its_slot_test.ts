import { assert, assertEquals } from "@std/assert";
import { assertStreamed } from "../support/assert_reply.ts";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { eventually } from "../support/eventually.ts";
import { STREAM_HEAD } from "../support/replies.ts";
import { fastest, TRIES } from "./support/fastest.ts";
import { admitted, play } from "./support/scenario.ts";

for (const sendsHeaders of [false, true]) {
  const when = sendsHeaders ? "after" : "before";
  Deno.test(`a client that leaves while its prompt is processed, ${when} llama-server's headers, aborts it within 100 ms`, async () => {
    await play({ outcomes: { "cancelled prefill": TRIES }, posts: TRIES }, async ({ llama, ask }) => {
      const took = await fastest(async () => {
        const taken = llama.take();
        const leave = new AbortController();
        ask({}, { signal: leave.signal });
        const exchange = await taken;
        if (sendsHeaders) await exchange.send(STREAM_HEAD);
        leave.abort();
        const start = performance.now();
        await exchange.gone;
        return performance.now() - start;
      });
      assert(took < 100, `the connection stayed for ${took} ms`);
    });
  });
}

Deno.test("a client that leaves during its model's load leaves the load to those who still wait for it", async () => {
  await play(
    {
      fake: { models: ["a", "b"], router: { loadDelay: Infinity } },
      outcomes: { "cancelled load": 1, "ok stream": 1 },
      posts: 1,
    },
    async ({ llama, modeld, ask }) => {
      const leave = new AbortController();
      ask({}, { signal: leave.signal });
      await eventually("the load has begun", () => llama.router?.stateOf("a") === "loading");
      const staying = ask();
      await eventually("both wait", async () => await admitted(modeld) === 2);
      leave.abort();
      await eventually("one waits", async () => await admitted(modeld) === 1);
      llama.router?.finishLoad("a");
      await assertStreamed(await staying, CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);
      assertEquals(llama.router?.commands, ["load a"]);
    },
  );
});
