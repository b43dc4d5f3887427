import { assert, assertEquals, assertMatch } from "@std/assert";
import { assertRefused } from "../support/assert_reply.ts";
import { playFleet, postsTo, untilStates } from "./support/fleet_scenario.ts";

Deno.test("with every server gone, queued and new requests are unreachable at once; service resumes by itself", async () => {
  const standIns = [{ slots: 1 }, { slots: 1 }];
  await playFleet({ standIns, outcomes: 8 }, async ({ llamas, modeld, ask, close, reopen }) => {
    const held = await Promise.all(llamas.map(async (llama) => {
      const taken = llama.take();
      const reply = ask();
      return { exchange: await taken, reply };
    }));
    const queued = ask();
    while ((await modeld.json("/status")).instances[0].queue_len !== 1);
    assertEquals(postsTo(llamas), 2);
    await close(0);
    await close(1);
    for (const { reply } of held) assertEquals((await (await reply).last()).code, 500);
    const waiting = await queued;
    assertMatch(waiting.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    await assertRefused(waiting, { code: 503, type: "unreachable", says: "cannot be reached" });
    await untilStates(modeld, "lost", "lost");
    const startedAt = performance.now();
    const late = await ask();
    assertMatch(late.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    await assertRefused(late, { code: 503, type: "unreachable", says: "cannot be reached" });
    assert(performance.now() - startedAt < 1_000);
    assertEquals(await modeld.get("/readyz").then(({ status, text }) => [status, text]), [503, "unreachable"]);

    await reopen(0);
    await reopen(1);
    await untilStates(modeld, "ready", "ready");
    await modeld.ready();
    for (const reply of await Promise.all([ask(), ask()])) assertEquals((await reply.last()).done, true, reply.text);
  });
});
