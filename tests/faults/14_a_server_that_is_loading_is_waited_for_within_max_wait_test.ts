import { assert, assertEquals, assertMatch } from "@std/assert";
import { assertRefused, assertStreamed } from "../support/assert_reply.ts";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { eventually } from "../support/eventually.ts";
import { replyJson } from "../support/replies.ts";
import { errorBody } from "../support/wire_streams.ts";
import { play, queueLength } from "./support/scenario.ts";

Deno.test("a request that meets a server that is loading waits for it, and is served once it is ready", async () => {
  await play({ outcomes: { "ok stream": 1 }, posts: 1 }, async ({ llama, modeld, ask }) => {
    llama.loading = true;
    await eventually("modeld notices", async () => (await modeld.get("/readyz")).text === "loading");
    const asking = ask();
    await eventually("it waits", async () => await queueLength(modeld) === 1);
    llama.loading = false;
    await assertStreamed(await asking, CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);
  });
});

Deno.test("a generation that is answered 503 Loading model was not begun: it is posted again once the server is ready", async () => {
  await play({ outcomes: { "ok stream": 1 }, posts: 2 }, async ({ llama, ask }) => {
    llama.next((exchange) => replyJson(exchange, 503, errorBody(503, "Loading model", "unavailable_error")));
    await assertStreamed(await ask(), CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);
  });
});

Deno.test("a server that goes on loading is 503 loading after max-wait, with Retry-After", async () => {
  await play(
    { modeld: ["--max-wait", "500ms"], outcomes: { "upstream_error load": 1 }, posts: 0 },
    async ({ llama, modeld, ask }) => {
      llama.loading = true;
      await eventually("modeld notices", async () => (await modeld.get("/readyz")).text === "loading");
      const start = performance.now();
      const reply = await ask();
      const waited = performance.now() - start;
      assert(waited >= 490 && waited < 1_000, `it waited ${waited} ms`);
      assertMatch(reply.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
      await assertRefused(reply, { code: 503, type: "loading", says: "load" });
      assertEquals(await queueLength(modeld), 0);
    },
  );
});
