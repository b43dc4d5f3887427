import { assert, assertEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { playFleet, untilStates } from "./support/fleet_scenario.ts";

const TWO = [{ slots: 4 }, { slots: 4, models: ["tiny", "other"] }];

Deno.test("a server that comes back with fewer slots gets no more than it has", async () => {
  await playFleet({ standIns: [{ slots: 4, tokenDelay: 30 }], outcomes: { "ok stream": 6 } }, async (scenario) => {
    const { modeld, ask, close, reopen } = scenario;
    await close(0);
    await untilStates(modeld, "lost");
    const back = await reopen(0, { slots: 1, tokenDelay: 30 });
    const startedAt = performance.now();
    await eventually("it has one slot", async () => (await modeld.json("/status")).servers[0].slots === 1);
    assert(performance.now() - startedAt < 2_500, "it took longer than 2 s");
    let most = 0;
    const watch = setInterval(() => most = Math.max(most, back.busySlots), 5);
    const replies = await Promise.all(Array.from({ length: 6 }, () => ask()));
    for (const reply of replies) assertEquals((await reply.last()).done, true, reply.text);
    clearInterval(watch);
    assertEquals(most, 1);
  });
});

Deno.test("a server that is replaced without a gap by one with another model is seen within 2 s, and the old model is gone", async () => {
  await playFleet({ standIns: TWO, outcomes: { "ok stream": 1, "invalid queue": 1 } }, async (scenario) => {
    const { modeld, ask, close, reopen } = scenario;
    assertEquals((await (await ask({ model: "other" })).last()).done, true);
    await close(1);
    const back = await reopen(1, { slots: 2, models: ["new"] });
    const startedAt = performance.now();
    await eventually("the new model is listed", async () => {
      const { models } = await modeld.json("/models");
      return models.some(({ id }: { id: string }) => id === "new") &&
        !models.some(({ id }: { id: string }) => id === "other");
    });
    assert(performance.now() - startedAt < 2_500, "it took longer than 2 s");
    assertEquals((await (await ask({ model: "other" })).last()).type, "model_not_found");
    assertEquals(back.posts.length, 0);
  });
});
