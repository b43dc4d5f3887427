import { assertEquals, assertThrows } from "@std/assert";
import { best, median, overRounds } from "../../bench/statistics.ts";

Deno.test("the median is the value in the middle, or between the two in the middle", () => {
  assertEquals(median([9, 1, 5]), 5);
  assertEquals(median([9, 1, 5, 6]), 5.5);
});

Deno.test("what could not be measured does not count", () => {
  assertEquals(median([NaN, 3, NaN]), 3);
  assertEquals(median([NaN]), NaN);
});

Deno.test("the best is the least, or the most where more is better", () => {
  assertEquals(best([3, NaN, 1, 2]), 1);
  assertEquals(best([3, NaN, 1, 2], true), 3);
  assertEquals(best([NaN]), NaN);
});

Deno.test("rounds are summed up name by name", () => {
  assertEquals(overRounds([{ a: 1, b: 30 }, { a: 2, b: 10 }, { a: 9, b: 20 }], median), { a: 2, b: 20 });
  assertThrows(() => overRounds([], median), RangeError);
});
