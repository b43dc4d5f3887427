import { assertEquals } from "@std/assert";

const FAULTS = new URL("../faults/", import.meta.url);

/** The numbers that a row or a file name begins with, such as `34, 36` or `34_36_`. */
function numbers(text: string): string[] {
  return [...text.matchAll(/\d+/g)].map(([number]) => number.padStart(2, "0"));
}

Deno.test("every row of the fault table has a test, and every test a row", async () => {
  const page = await Deno.readTextFile(new URL("README.md", FAULTS));
  const rows = [...page.matchAll(/^\| (\d+(?:, \d+)*) +\|/gm)].flatMap(([, cell = ""]) => numbers(cell));
  const tests: string[] = [];
  for await (const { name } of Deno.readDir(FAULTS)) {
    const [prefix] = /^(\d+_)+/.exec(name) ?? [];
    if (prefix !== undefined) tests.push(...numbers(prefix));
  }
  const sorted = (list: string[]) => [...new Set(list)].sort();
  assertEquals(sorted(rows), sorted(tests));
});
