import { assert, assertEquals, assertMatch } from "@std/assert";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { eventually } from "../support/eventually.ts";
import { playEach } from "./support/apis.ts";
import { admitted, queueLength } from "./support/scenario.ts";

Deno.test("a request that meets a server that is loading waits for it, and is served once it is ready", async () => {
  await playEach({ outcomes: { "ok stream": 1 }, posts: 2 }, async ({ llama, modeld, ask }) => {
    llama.loading = true;
    const asking = ask();
    await eventually("modeld knows", async () => (await modeld.get("/readyz")).text === "loading");
    assertEquals(await admitted(modeld), 1);
    llama.loading = false;
    await (await asking).assertStreamed(CANNED_TOKENS, [1, CANNED_TOKENS.length]);
  });
});

Deno.test("a server that goes on loading is 503 loading after max-wait, with Retry-After", async () => {
  await playEach(
    { modeld: ["--max-wait", "500ms"], outcomes: { "upstream_error load": 1 }, posts: 1 },
    async ({ llama, modeld, ask }) => {
      llama.loading = true;
      const start = performance.now();
      const reply = await ask();
      const waited = performance.now() - start;
      assert(waited >= 490 && waited < 2_000, `it waited ${waited} ms`);
      assertMatch(reply.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
      await reply.assertRefused({ code: 503, type: "loading", says: "load" });
      assertEquals(await queueLength(modeld), 0);
      llama.loading = false;
      await modeld.ready();
    },
  );
});
