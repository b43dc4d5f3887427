import { unfitRuntime } from "../../src/cli/process.ts";
import { assertEquals, assertStringIncludes } from "@std/assert";

for (const version of ["2.8.3", "2.9.0", "2.9.1", "2.9.2", "2.9.2+0123abc"]) {
  Deno.test(`modeld does not serve on Deno ${version}, and says why and what to do`, () => {
    const why = unfitRuntime(version) ?? "";
    for (const words of [`Deno ${version}`, "cancelled HTTP/2 request", "Deno 2.9.6"]) assertStringIncludes(why, words);
  });
}

for (const version of ["1.46.3", "2.6.10", "2.7.14", "2.8.2", "2.9.3", "2.9.6", "2.10.0", "3.0.0"]) {
  Deno.test(`modeld serves on Deno ${version}`, () => assertEquals(unfitRuntime(version), undefined));
}

Deno.test("modeld serves on a Deno whose version has another form", () =>
  assertEquals(unfitRuntime("next"), undefined));
