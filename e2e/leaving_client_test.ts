import { assert, assertEquals } from "@std/assert";
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

Deno.test("a client that leaves while its prompt is processed frees the slot", async () => {
  await withStack({}, async ({ llama, modeld }) => {
    const leave = new AbortController();
    const waiting = infer(modeld.url, { prompt: "word ".repeat(3_000), max_tokens: 10_000 }, { signal: leave.signal });
    waiting.catch(() => {}); // it ends by our own abort
    while (await llama.busySlots() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    leave.abort();
    const took = await idle(() => llama.busySlots());
    assert(took <= 1_000, `the slot was busy for ${took} ms after the client had left`);
  });
});

/** Waits until no slot is busy; gives the ms it took. */
async function idle(busySlots: () => Promise<number>): Promise<number> {
  const start = performance.now();
  while (await busySlots() > 0) {
    assert(performance.now() - start < 20_000, "the slot is still busy after 20 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - start;
}
