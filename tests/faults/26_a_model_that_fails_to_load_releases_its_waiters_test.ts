import { assert, assertEquals } from "@std/assert";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { eventually } from "../support/eventually.ts";
import { playEach } from "./support/apis.ts";
import { admitted } from "./support/scenario.ts";

Deno.test("a model that fails to load is 503 to all its waiters, starts no storm of loads, and leaves others alone", async () => {
  const waiters = 5;
  await playEach(
    {
      fake: { models: ["broken", "sound"], router: { loadDelay: Infinity } },
      modeld: () => [], // each API meets models that are not loaded
      outcomes: { "upstream_error load": waiters, "ok stream": 1 },
      posts: 1,
    },
    async ({ llama, modeld, ask }) => {
      const asking = Array.from({ length: waiters }, () => ask({ model: "broken" }));
      await eventually("all wait", async () => await admitted(modeld) === waiters);
      llama.router?.failLoad("broken");
      for (const reply of await Promise.all(asking)) {
        await reply.assertRefused({ code: 503, type: "load_failed", says: "broken" });
      }
      const loads = llama.router?.commands.filter((command) => command === "load broken").length ?? 0;
      assert(loads === 1, `it was loaded ${loads} times for ${waiters} waiters`);
      const { instances } = await modeld.json("/status");
      const broken = instances.find((instance: { model_id: string }) => instance.model_id === "broken");
      assertEquals(broken.state, "error");

      const sound = ask({ model: "sound" });
      await eventually("it loads", () => llama.router?.stateOf("sound") === "loading");
      llama.router?.finishLoad("sound");
      await (await sound).assertStreamed(CANNED_TOKENS, [1, CANNED_TOKENS.length]);
    },
  );
});
