import { assertEquals } from "@std/assert";
import { errorTable } from "../../src/http/error_table.ts";

Deno.test("the troubleshooting page has every kind of error that a client can get, with its status", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/troubleshooting.md", import.meta.url));
  const documented: [string, number][] = [];
  for (const [, kinds = "", codes = ""] of page.matchAll(/^### (`.+`) \(([\d, ]+)\)$/gm)) {
    const statuses = codes.split(", ").map(Number);
    kinds.split(", ").forEach((kind, at) =>
      documented.push([kind.replaceAll("`", ""), statuses[at] ?? statuses[0] ?? 0])
    );
  }
  const { cancelled: _toldToNobody, ...table } = errorTable;
  const expected = Object.entries(table).map(([kind, { status }]): [string, number] => [kind, status]);
  assertEquals(documented.sort(), expected.sort());
});
