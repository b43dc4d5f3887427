import { assert, assertEquals } from "@std/assert";
import { eventually } from "../tests/support/eventually.ts";
import { infer } from "../tests/support/ndjson_client.ts";
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

/** Waits until no slot is busy; gives the ms it took. */
function idle(busySlots: () => Promise<number>): Promise<number> {
  return eventually("every slot is idle", async () => await busySlots() === 0);
}
