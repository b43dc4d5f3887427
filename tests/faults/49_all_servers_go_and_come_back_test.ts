import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ApiReply, APIS } from "./support/apis.ts";
import { playFleet, postsTo, untilStates } from "./support/fleet_scenario.ts";

Deno.test("with every server gone, queued and new requests are unreachable at once; service resumes by itself", async () => {
  const standIns = [{ slots: 1 }, { slots: 1 }];
  await playFleet({ standIns, outcomes: 10 }, async ({ llamas, modeld, ask, close, reopen }) => {
    const held = await Promise.all(llamas.map(async (llama) => {
      const taken = llama.take();
      const reply = ask();
      return { exchange: await taken, reply };
    }));
    const askEach = () => APIS.map((api) => api.ask(modeld.url, api.body("Once")));
    const queued = askEach();
    while ((await modeld.json("/status")).instances[0].queue_len !== APIS.length);
    assertEquals(postsTo(llamas), 2);
    await close(0);
    await close(1);
    for (const { reply } of held) assertEquals((await (await reply).last()).code, 500);
    for (const waiting of await Promise.all(queued)) await assertUnreachable(waiting);
    await untilStates(modeld, "lost", "lost");
    const startedAt = performance.now();
    for (const late of await Promise.all(askEach())) await assertUnreachable(late);
    assert(performance.now() - startedAt < 1_000);
    assertEquals(await modeld.get("/readyz").then(({ status, text }) => [status, text]), [503, "unreachable"]);

    await reopen(0);
    await reopen(1);
    await untilStates(modeld, "ready", "ready");
    await modeld.ready();
    for (const reply of await Promise.all([ask(), ask()])) assertEquals((await reply.last()).done, true, reply.text);
  });
});

/** Asserts that a reply says that it may be asked again, and when. */
async function assertUnreachable(reply: ApiReply): Promise<void> {
  assertMatch(reply.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  assertEquals(reply.headers.get("x-should-retry") ?? "true", "true");
  await reply.assertRefused({ code: 503, type: "unreachable", says: "cannot be reached" });
}
