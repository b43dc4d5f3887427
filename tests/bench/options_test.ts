import { assertEquals, assertThrows } from "@std/assert";
import { parseOptions } from "../../bench/options.ts";

Deno.test("the benchmark runs two rounds without the growth, unless told otherwise", () => {
  const { rounds, growth } = parseOptions([]);
  assertEquals({ rounds, growth }, { rounds: 2, growth: false });
  assertEquals(parseOptions(["--growth", "--rounds=5"]).rounds, 5);
  assertEquals(parseOptions(["--growth"]).growth, true);
  assertEquals(parseOptions(["--quick"]).rounds, 1);
});

Deno.test("several Denos and several checkouts can be compared", () => {
  assertEquals(parseOptions(["--modeld=../before", "--modeld=../idea"]).modeld, ["../before", "../idea"]);
  assertEquals(parseOptions(["--deno=2.9.3", "--deno=/opt/deno"]).deno, ["2.9.3", "/opt/deno"]);
});

Deno.test("an option that the benchmark does not know is refused by name", () => {
  assertThrows(() => parseOptions(["--fast"]), RangeError, "--fast");
  assertThrows(() => parseOptions(["--rounds=none"]), RangeError, "--rounds=none");
});
