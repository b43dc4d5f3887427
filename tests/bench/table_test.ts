import { assertStringIncludes } from "@std/assert";
import { type MeasureName, MEASURES, type Measures } from "../../bench/measures.ts";
import { table } from "../../bench/table.ts";

Deno.test("each number stands beside its ratio to the reference's", () => {
  const text = table(new Map([["nginx", all(20)], ["modeld", all(38)]]), "nginx");
  assertStringIncludes(text, " 20.0 |");
  assertStringIncludes(text, " 38.0 (×1.90) |");
});

Deno.test("without a reference there are no ratios, and what was not measured stays empty", () => {
  const text = table(new Map([["modeld", { ...all(38), start_ms: NaN }]]), "nginx");
  assertStringIncludes(text, " 38.0 |");
  assertStringIncludes(text, `${MEASURES.start_ms.title} `);
  if (text.includes("NaN") || text.includes("×)")) throw new Error(text);
});

function all(value: number): Measures {
  return Object.fromEntries((Object.keys(MEASURES) as MeasureName[]).map((name) => [name, value])) as Measures;
}
