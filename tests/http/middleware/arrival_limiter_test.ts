import { assertEquals, assertRejects } from "@std/assert";
import { ModeldError } from "../../../src/base/errors.ts";
import { ArrivalLimiter } from "../../../src/http/middleware/arrival_limiter.ts";

const { signal } = new AbortController();

Deno.test("one that comes alone begins at once", async () => {
  const limiter = new ArrivalLimiter(1);
  const passed: string[] = [];
  const nextTurn = endOfTurn().then(() => passed.push("next turn"));
  limiter.pass(signal).then(() => passed.push("first"));
  await nextTurn;
  assertEquals(passed, ["first", "next turn"]);
  await endOfTurn();
  const later = endOfTurn().then(() => passed.push("turn after"));
  limiter.pass(signal).then(() => passed.push("second"));
  await later;
  assertEquals(passed.slice(2), ["second", "turn after"]);
});

Deno.test("of many that come at once a few begin in each turn, in the order they came", async () => {
  const limiter = new ArrivalLimiter(2);
  const passed: number[] = [];
  for (let i = 1; i <= 5; i++) limiter.pass(signal).then(() => passed.push(i));
  await Promise.resolve();
  const seen = [[...passed]];
  for (let turn = 0; turn < 3; turn++) {
    await endOfTurn();
    seen.push([...passed]);
  }
  assertEquals(seen, [[1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]);
});

Deno.test("one that comes while others wait begins after them", async () => {
  const limiter = new ArrivalLimiter(1);
  const passed: string[] = [];
  for (const name of ["first", "second", "third"]) limiter.pass(signal).then(() => passed.push(name));
  await endOfTurn();
  limiter.pass(signal).then(() => passed.push("late"));
  for (let turn = 0; turn < 3; turn++) await endOfTurn();
  assertEquals(passed, ["first", "second", "third", "late"]);
});

Deno.test("one that leaves while it waits is out of the queue, and the next moves up", async () => {
  const limiter = new ArrivalLimiter(1);
  const leaver = new AbortController();
  const begun: string[] = [];
  limiter.pass(signal).then(() => begun.push("first"));
  const left = limiter.pass(leaver.signal);
  limiter.pass(signal).then(() => begun.push("third"));
  assertEquals(limiter.waiting, 2);
  leaver.abort(new ModeldError("cancelled", "the client left"));
  await assertRejects(() => left, ModeldError, "the client left");
  assertEquals(limiter.waiting, 1);
  await endOfTurn();
  assertEquals([begun, limiter.waiting], [["first", "third"], 0]);
});

Deno.test("when too many wait, the next is refused", async () => {
  const limiter = new ArrivalLimiter(1, 1);
  const waiting = [limiter.pass(signal), limiter.pass(signal)];
  await assertRejects(() => limiter.pass(signal), ModeldError, "1 requests came at once");
  await Promise.all(waiting);
});

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
