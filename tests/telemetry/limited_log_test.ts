import { assertEquals } from "@std/assert";
import { LimitedLog } from "../../src/telemetry/limited_log.ts";
import { configureLog, getLogger } from "../../src/telemetry/log.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("beyond its lines a window counts, and says so at its end or when the log is closed", () => {
  const lines: [string, unknown, unknown][] = [];
  configureLog({
    level: "info",
    format: "json",
    write(line) {
      const { message, n, left_out } = JSON.parse(line);
      lines.push([message, n, left_out]);
    },
  });
  try {
    const clock = new FakeClock();
    const log = new LimitedLog(getLogger("test"), { lines: 2, windowMs: 1_000 }, clock);
    for (let n = 1; n <= 5; n++) log.warn("no", { n });
    const shown = [["no", 1, undefined], ["no", 2, undefined]];
    assertEquals<unknown>(lines, shown);
    clock.advance(1_000);
    assertEquals<unknown>(lines, [...shown, ["no (more of these)", undefined, 3]]);
    assertEquals(clock.pendingTimers, 0);

    lines.length = 0;
    for (let n = 1; n <= 3; n++) log.warn("no", { n });
    log.close();
    assertEquals<unknown>(lines, [...shown, ["no (more of these)", undefined, 1]]);
    assertEquals(clock.pendingTimers, 0);
  } finally {
    configureLog(undefined);
  }
});
