import { assertEquals } from "@std/assert";
import { assertRefused, assertStreamed } from "../support/assert_reply.ts";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { replyStream } from "../support/replies.ts";
import { completionStream } from "../support/wire_streams.ts";
import { APIS } from "./support/apis.ts";
import { play } from "./support/scenario.ts";

const ONE_AT_A_TIME = { models: ["a", "b"], router: { maxInstances: 1, loadDelay: 20 } };

Deno.test("requests for two models where one fits are all served, each model before it is evicted", async () => {
  const count = 8;
  await play(
    { fake: ONE_AT_A_TIME, outcomes: { "ok stream": count }, posts: count },
    async ({ llama, modeld }) => {
      for (let index = 0; index < count; index++) {
        const api = APIS[index >> 1 & 1] ?? APIS[0];
        const reply = await api.ask(modeld.url, { ...api.body("Once"), model: index % 2 === 0 ? "a" : "b" });
        await reply.assertStreamed(CANNED_TOKENS, [1, CANNED_TOKENS.length]);
      }
      const served = llama.posts.map((post) => `serve ${JSON.parse(post.body).model}`);
      const loads = llama.router?.commands.filter((command) => command.startsWith("load")) ?? [];
      assertEquals(loads, served.map((line) => line.replace("serve", "load")));
    },
  );
});

Deno.test("a busy model is never evicted: the other is 507 after --max-wait, and the stream goes on", async () => {
  await play(
    { fake: ONE_AT_A_TIME, modeld: ["--max-wait", "3s"], outcomes: { "ok stream": 2, "rejected load": 1 }, posts: 2 },
    async ({ llama, ask }) => {
      await (await ask({ model: "a" })).last();
      const taken = llama.take();
      const busy = ask({ model: "a" });
      const exchange = await taken;
      const other = await ask({ model: "b" });
      await assertRefused(other, { code: 507, type: "insufficient_vram", says: "b" });
      assertEquals(llama.router?.stateOf("a"), "loaded");
      await replyStream(exchange, completionStream([" one"]));
      await assertStreamed(await busy, [" one"], "stop", [2, 1]);
    },
  );
});

Deno.test("a request that meets a model on its way out waits for it to come back", async () => {
  await play({ fake: ONE_AT_A_TIME, outcomes: { "ok stream": 3 }, posts: 3 }, async ({ ask }) => {
    await (await ask({ model: "a" })).last();
    // The first asks for an eviction of a, the second comes while that runs.
    const [b, a] = await Promise.all([ask({ model: "b" }), ask({ model: "a" })]);
    await assertStreamed(b, CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);
    await assertStreamed(a, CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);
  });
});
