import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../src/config/duration.ts";

/** As Go's time.ParseDuration reads them; milliseconds. */
const durations: Readonly<Record<string, number>> = {
  "0": 0,
  "-0": 0,
  "+0": 0,
  "5s": 5_000,
  "1478s": 1_478_000,
  "+5s": 5_000,
  "-5s": -5_000,
  "5.0s": 5_000,
  "5.6s": 5_600,
  "5.s": 5_000,
  ".5s": 500,
  "1.004s": 1_004,
  "10ns": 0.00001,
  "11us": 0.011,
  "12\u00b5s": 0.012,
  "12\u03bcs": 0.012,
  "13ms": 13,
  "15m": 900_000,
  "16h": 57_600_000,
  "3h30m": 12_600_000,
  "10.5s4m": 250_500,
  "-2m3.4s": -123_400,
  "39h9m14.425s": 140_954_425,
};

for (const [text, ms] of Object.entries(durations)) {
  Deno.test(`the duration ${text} is ${ms} ms`, () => {
    assertEquals(Math.round((parseDuration(text) ?? NaN) * 1e6), Math.round(ms * 1e6) || 0);
  });
}

for (
  const text of [
    "",
    "3",
    "00",
    "-",
    "s",
    ".",
    "-.",
    ".s",
    "+.s",
    "1d",
    "1 s",
    " 1s",
    "1s ",
    "1S",
    "1e3s",
    "0x1s",
    "1,5s",
    "--1s",
    "1s-",
  ]
) {
  Deno.test(`${JSON.stringify(text)} is no duration`, () => {
    assertEquals(parseDuration(text), undefined);
  });
}

Deno.test("whole milliseconds come back as they were written", () => {
  fc.assert(fc.property(fc.nat(2 ** 31 - 1), (ms) => assertEquals(parseDuration(formatDuration(ms)), ms)));
});

Deno.test("durations are written with the largest units that fit", () => {
  assertEquals([0, 1, 999, 1_000, 90_000, 3_600_000, 5_400_001].map(formatDuration), [
    "0",
    "1ms",
    "999ms",
    "1s",
    "1m30s",
    "1h",
    "1h30m1ms",
  ]);
});
