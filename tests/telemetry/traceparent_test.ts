import { validTraceparent } from "../../src/telemetry/inference_traces.ts";
import { assertEquals } from "@std/assert";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

Deno.test("a valid traceparent is passed on, also of a later version", () => {
  assertEquals(validTraceparent(`00-${TRACE}-${PARENT}-01`), `00-${TRACE}-${PARENT}-01`);
  assertEquals(validTraceparent(`cc-${TRACE}-${PARENT}-01-what-comes`), `cc-${TRACE}-${PARENT}-01-what-comes`);
});

for (
  const [what, header] of Object.entries({
    "missing": null,
    "empty": "",
    "upper case": `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    "no trace": `00-${"0".repeat(32)}-${PARENT}-01`,
    "no parent": `00-${TRACE}-${"0".repeat(16)}-01`,
    "version ff": `ff-${TRACE}-${PARENT}-01`,
    "more than version 00 has": `00-${TRACE}-${PARENT}-01-x`,
    "two in one": `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`,
    "endless": `cc-${TRACE}-${PARENT}-01-${"x".repeat(1000)}`,
  })
) {
  Deno.test(`a traceparent that is no traceparent (${what}) is dropped`, () => {
    assertEquals(validTraceparent(header), undefined);
  });
}
