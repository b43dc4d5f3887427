import { assertEquals } from "@std/assert";
import { Slot } from "../../src/demo/slot.ts";

const never = new AbortController().signal;

Deno.test("who waits for the slot gets it in order", async () => {
  const slot = new Slot();
  const order: number[] = [];
  const use = async (number: number) => {
    const release = await slot.take(never);
    order.push(number);
    await Promise.resolve();
    release?.();
  };
  await Promise.all([1, 2, 3].map(use));
  assertEquals(order, [1, 2, 3]);
  assertEquals([slot.isBusy, slot.waiting], [false, 0]);
});

Deno.test("who leaves while waiting never gets it, and giving it back twice gives it once", async () => {
  const slot = new Slot();
  const release = await slot.take(never);
  const leaver = new AbortController();
  const left = slot.take(leaver.signal);
  const next = slot.take(never);
  leaver.abort();
  assertEquals(await left, undefined);
  release?.();
  release?.();
  const nextRelease = await next;
  assertEquals([slot.isBusy, slot.waiting], [true, 0]);
  nextRelease?.();
  assertEquals(slot.isBusy, false);
  assertEquals(await slot.take(AbortSignal.abort()), undefined);
});
