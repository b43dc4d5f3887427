import { assertEquals, assertThrows } from "@std/assert";
import { median, medians } from "../../bench/statistics.ts";

Deno.test("the median is the value in the middle, or between the two in the middle", () => {
  assertEquals(median([9, 1, 5]), 5);
  assertEquals(median([9, 1, 5, 6]), 5.5);
});

Deno.test("what could not be measured does not count", () => {
  assertEquals(median([NaN, 3, NaN]), 3);
  assertEquals(median([NaN]), NaN);
});

Deno.test("the medians of rounds are taken name by name", () => {
  assertEquals(medians([{ a: 1, b: 30 }, { a: 2, b: 10 }, { a: 9, b: 20 }]), { a: 2, b: 20 });
  assertThrows(() => medians([]), RangeError);
});
