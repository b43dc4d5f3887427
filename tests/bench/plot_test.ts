import { assertEquals, assertStringIncludes } from "@std/assert";
import { svg } from "../../bench/plot.ts";

Deno.test("a plot has one line a contender and leaves out what could not be measured", () => {
  const drawing = svg({
    title: "CPU per token",
    xTitle: "streams",
    yTitle: "µs",
    lines: new Map([["nginx", [[1, NaN], [10, 20], [100, 18]]], ["modeld", [[1, 90], [10, 50], [100, 40]]]]),
  });
  assertEquals(drawing.match(/<polyline/g)?.length, 2);
  assertEquals(drawing.match(/<circle/g)?.length, 5);
  assertEquals(drawing.includes("NaN"), false);
  assertStringIncludes(drawing, ">modeld</text>");
});
