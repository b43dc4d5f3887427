import { assert, assertEquals } from "@std/assert";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { eventually } from "../support/eventually.ts";
import { STREAM_HEAD } from "../support/replies.ts";
import { playEach } from "./support/apis.ts";
import { fastest, TRIES } from "./support/fastest.ts";
import { admitted } from "./support/scenario.ts";

/** What a client asks for, and how far llama-server is when it leaves. */
const SCENES = [
  ["a stream", "before", true, false],
  ["a stream", "after", true, true],
  ["a whole answer", "before", false, false],
] as const;

for (const [what, when, stream, sendsHeaders] of SCENES) {
  Deno.test(`a client that leaves while the prompt of ${what} is processed, ${when} llama-server's headers, aborts it within 100 ms`, async () => {
    await playEach({ outcomes: { "cancelled prefill": TRIES }, posts: TRIES }, async ({ llama, ask }) => {
      const took = await fastest(async () => {
        const taken = llama.take();
        const leave = new AbortController();
        ask({ stream }, { signal: leave.signal });
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
  await playEach(
    {
      fake: { models: ["a", "b"], router: { loadDelay: Infinity } },
      modeld: () => [], // each API meets a model that is not loaded
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
      await (await staying).assertStreamed(CANNED_TOKENS, [1, CANNED_TOKENS.length]);
      assertEquals(llama.router?.commands, ["load a"]);
    },
  );
});
