import { assertEquals } from "@std/assert";
import { requestedLogLevel } from "../../src/base/log_level.ts";

const CASES: readonly (readonly [string, Record<string, string>, string | undefined])[] = [
  ["", {}, undefined],
  ["log=debug", {}, "debug"],
  ["log=1", {}, "debug"],
  ["log=off", {}, "off"],
  ["log=ERROR", {}, "error"],
  ["log=warn", {}, undefined],
  ["log=2", {}, undefined],
  ["", { "X-Log-Level": "info" }, "info"],
  ["", { "X-Log-Level": "1" }, undefined],
  ["", { "X-Log-Infer": "1" }, "debug"],
  ["", { "X-Log-Infer": "0" }, undefined],
  ["log=off", { "X-Log-Level": "debug", "X-Log-Infer": "1" }, "off"],
  ["log=nonsense", { "X-Log-Level": "error" }, "error"],
  ["", { "X-Log-Level": "error", "X-Log-Infer": "1" }, "error"],
];

for (const [query, headers, expected] of CASES) {
  Deno.test(`?${query} with ${JSON.stringify(headers)} asks for ${expected ?? "nothing"}`, () => {
    assertEquals(requestedLogLevel(new URLSearchParams(query), new Headers(headers)), expected);
  });
}
