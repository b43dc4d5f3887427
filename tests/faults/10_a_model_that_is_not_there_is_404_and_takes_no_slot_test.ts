import { assertEquals } from "@std/assert";
import { playEach } from "./support/apis.ts";

Deno.test("a model that llama-server does not have is 404 and takes no slot", async () => {
  await playEach({ outcomes: { "invalid queue": 2 }, posts: 0 }, async ({ ask }) => {
    for (const model of ["nobody", "tiny2"]) {
      await (await ask({ model })).assertRefused({
        code: 404,
        type: "model_not_found",
        says: `model not found: ${model}`,
      });
    }
  });
});

Deno.test("no model named, and no default among several: 404, and nothing is loaded", async () => {
  await playEach(
    { fake: { models: ["a", "b"], router: {} }, outcomes: { "invalid queue": 1 }, posts: 0 },
    async ({ llama, ask }) => {
      await (await ask({ model: "" })).assertRefused({ code: 404, type: "model_not_found", says: "model" });
      assertEquals(llama.router?.commands, []);
    },
  );
});
