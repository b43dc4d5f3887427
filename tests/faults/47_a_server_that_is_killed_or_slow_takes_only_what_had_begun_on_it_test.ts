import { assert, assertEquals } from "@std/assert";
import { playFleet, postsTo, untilStates } from "./support/fleet_scenario.ts";

/** Sends requests, so many at a time, until so many have been sent; `onEnded` is called with the number that have ended. */
async function load(
  ask: () => Promise<{ last(): Promise<{ done?: boolean; type?: string }>; headers: Headers }>,
  count: number,
  onEnded: (ended: number) => void = () => {},
): Promise<{ how: string | undefined; server: string | null }[]> {
  const endings: { how: string | undefined; server: string | null }[] = [];
  let sent = 0;
  await Promise.all(Array.from({ length: 6 }, async () => {
    while (sent++ < count) {
      const reply = await ask();
      const { done, type } = await reply.last();
      endings.push({ how: done ? "done" : type, server: reply.headers.get("x-modeld-server") });
      onEnded(endings.length);
    }
  }));
  return endings;
}

Deno.test("a server that is killed under load fails only what had begun on it, and is used again when it is back", async () => {
  const standIns = [1, 2, 3].map(() => ({ slots: 2, tokenDelay: 5 }));
  await playFleet({ standIns, outcomes: 140 }, async ({ llamas, modeld, ask, close, reopen }) => {
    let closed: Promise<void> | undefined;
    const endings = await load(() => ask(), 100, (ended) => {
      if (ended === 30) closed = close(1);
    });
    await closed;
    const failed = endings.filter(({ how }) => how !== "done");
    assertEquals(endings.length, 100);
    assert(failed.length <= 2, JSON.stringify(failed));
    assertEquals(failed.filter(({ how }) => how !== "truncated" && how !== "upstream_error"), []);
    // One that was cut off while it was being sent may not have been read there.
    const posts = postsTo(llamas);
    assert(posts <= 100 && posts >= 100 - failed.length, `${posts} POSTs, ${failed.length} failed`);

    const back = await reopen(1, { slots: 2, tokenDelay: 5 });
    await untilStates(modeld, "ready", "ready", "ready");
    // Each prompt is new: none of them is in the cache of the servers that went on.
    let asked = 0;
    const again = await load(() => ask({ prompt: `Once ${++asked}` }), 30);
    assertEquals(again.filter(({ how }) => how !== "done"), []);
    assert(back.posts.length > 3, `it was asked ${back.posts.length} times`);
  });
});

Deno.test("a server that is slow by a factor of ten loses no request, and the others do most of the work", async () => {
  const standIns = [{ slots: 2, tokenDelay: 5 }, { slots: 2, tokenDelay: 50 }, { slots: 2, tokenDelay: 5 }];
  await playFleet({ standIns, outcomes: { "ok stream": 90 } }, async ({ llamas, ask }) => {
    const endings = await load(() => ask(), 90);
    assertEquals(endings.filter(({ how }) => how !== "done"), []);
    const [first, slow, third] = llamas.map(({ posts }) => posts.length);
    assertEquals(postsTo(llamas), 90);
    assert((slow ?? 0) * 2 < Math.min(first ?? 0, third ?? 0), `${first}, ${slow}, ${third}`);
  });
});
