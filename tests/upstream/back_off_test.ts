import { assertEquals } from "@std/assert";
import { backOff } from "../../src/upstream/calls.ts";

const BOUNDS = { first: 100, longest: 1_000 };

Deno.test("the wait doubles with each failure, up to the longest, however many failures there are", () => {
  const waits = [1, 2, 3, 4, 5, 10_000].map((failures) => backOff(BOUNDS, failures, () => 0));
  assertEquals(waits, [100, 200, 400, 800, 1_000, 1_000]);
});

Deno.test("up to a quarter of the wait is added, so that many do not come back at once", () => {
  assertEquals([0.5, 1].map((random) => backOff(BOUNDS, 1, () => random)), [112.5, 125]);
});
