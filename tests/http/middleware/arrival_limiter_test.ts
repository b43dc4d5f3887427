import { assertEquals } from "@std/assert";
import { Turnstile } from "../../../src/http/middleware/arrival_limiter.ts";

Deno.test("one that comes alone passes at once", async () => {
  const turnstile = new Turnstile(1);
  const passed: string[] = [];
  const nextTurn = endOfTurn().then(() => passed.push("next turn"));
  turnstile.pass().then(() => passed.push("first"));
  await nextTurn;
  assertEquals(passed, ["first", "next turn"]);
  await endOfTurn();
  const later = endOfTurn().then(() => passed.push("turn after"));
  turnstile.pass().then(() => passed.push("second"));
  await later;
  assertEquals(passed.slice(2), ["second", "turn after"]);
});

Deno.test("of many that come at once a few pass in each turn, in the order they came", async () => {
  const turnstile = new Turnstile(2);
  const passed: number[] = [];
  for (let i = 1; i <= 5; i++) turnstile.pass().then(() => passed.push(i));
  await Promise.resolve();
  const seen = [[...passed]];
  for (let turn = 0; turn < 3; turn++) {
    await endOfTurn();
    seen.push([...passed]);
  }
  assertEquals(seen, [[1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]);
});

Deno.test("one that comes while others wait passes after them", async () => {
  const turnstile = new Turnstile(1);
  const passed: string[] = [];
  for (const name of ["first", "second", "third"]) turnstile.pass().then(() => passed.push(name));
  await endOfTurn();
  turnstile.pass().then(() => passed.push("late"));
  for (let turn = 0; turn < 3; turn++) await endOfTurn();
  assertEquals(passed, ["first", "second", "third", "late"]);
});

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
