import { assertEquals } from "@std/assert";
import process from "node:process";
import { systemClock } from "../../src/base/clock.ts";

Deno.test("a timer whose time has passed fires at once, and without a warning amid the log", async () => {
  const warnings: string[] = [];
  const note = (warning: Error) => void warnings.push(warning.message);
  process.on("warning", note);
  try {
    await new Promise<void>((fire) => systemClock.after(-5, fire));
    await new Promise<void>((fire) => systemClock.after(0, fire));
  } finally {
    process.off("warning", note);
  }
  assertEquals(warnings, []);
});

Deno.test("a timer that was cleared never fires", async () => {
  let fired = false;
  systemClock.after(0, () => fired = true).clear();
  await new Promise<void>((fire) => systemClock.after(5, fire));
  assertEquals(fired, false);
});
