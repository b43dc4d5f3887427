import { assert, assertEquals } from "@std/assert";
import { eventually } from "../tests/support/eventually.ts";
import { infer } from "../tests/support/ndjson_client.ts";
import { postV1 } from "../tests/faults/support/v1_client.ts";
import { samples } from "../tests/faults/support/accounts.ts";
import { withStack } from "./support/stack.ts";

const LONG = { prompt: "Once", max_tokens: 15_000, seed: 3 };

Deno.test("a client that leaves frees the slot within 200 ms, where the same request left alone runs over 2 s", async () => {
  await withStack({}, async ({ llama, modeld }) => {
    const control = await infer(modeld.url, LONG);
    await control.read(1);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    assertEquals(await llama.busySlots(), 1, "the request ends by itself within 2 s: it shows nothing");
    await control.leave();
    await idle(() => llama.busySlots());

    const reply = await infer(modeld.url, LONG);
    await reply.read(3);
    assertEquals(await llama.busySlots(), 1);
    await reply.leave();
    const took = await idle(() => llama.busySlots());
    assert(took <= 200, `the slot was busy for ${took} ms after the client had left`);
  });
});

Deno.test("a whole answer whose client leaves keeps its slot in doubt for as long as llama-server works on it", async () => {
  await withStack({}, async ({ llama, modeld }) => {
    const unconfirmed = async () => samples((await modeld.get("/metrics")).text, "modeld_slots_unconfirmed")[0]?.value;
    const leave = new AbortController();
    const whole = { prompt: "Once", max_tokens: 1_500, seed: 3 };
    const left = postV1(modeld.url, "/v1/completions", whole, { signal: leave.signal }).catch((error) => error.name);
    await eventually("it is generated", async () => await llama.busySlots() === 1);
    assertEquals(await unconfirmed(), 0);
    leave.abort();
    const leftAt = performance.now();
    assertEquals(await left, "AbortError");
    await eventually("its slot is in doubt", async () => await unconfirmed() === 1);
    const { instances: [{ inflight, slots_unconfirmed }] } = await modeld.json("/status");
    assertEquals([inflight, slots_unconfirmed], [0, 1]);

    // llama-server has two slots: modeld takes one for these, and asks it for nothing that would wait there.
    let most = 0;
    let busyInDoubt = 0;
    while (await unconfirmed() === 1) {
      const short = { prompt: "Once", max_tokens: 2 };
      const pair = [1, 2].map(() => postV1(modeld.url, "/v1/completions", short));
      const { instances: [{ inflight: taken }] } = await modeld.json("/status");
      most = Math.max(most, taken);
      if (await llama.busySlots() > 0) busyInDoubt++;
      for (const { status } of await Promise.all(pair)) assertEquals(status, 200);
    }
    const doubted = performance.now() - leftAt;
    assert(doubted < 10_000, `${doubted} ms: the doubt ended by its limit, not by what llama-server showed`);
    assert(most <= 1, `${most} slots were taken while one was in doubt`);
    assert(busyInDoubt > 0, "llama-server had stopped before: this shows nothing");
    await idle(() => llama.busySlots());
    const both = [1, 2].map(() => postV1(modeld.url, "/v1/completions", whole));
    await eventually("both slots are taken", async () => await llama.busySlots() === 2);
    for (const { status } of await Promise.all(both)) assertEquals(status, 200);
  });
});

/** Waits until no slot is busy; gives the ms it took. */
function idle(busySlots: () => Promise<number>): Promise<number> {
  return eventually("every slot is idle", async () => await busySlots() === 0);
}
