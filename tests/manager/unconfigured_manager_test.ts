import { assertEquals, assertStringIncludes } from "@std/assert";
import { UnconfiguredManager } from "../../src/manager/unconfigured_manager.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("without a llama-server every inference is refused as not configured, and all else answers", async () => {
  const manager = new UnconfiguredManager({ clock: new FakeClock(), vramBudgetMb: 0, vramMarginMb: 0 });
  manager.start();
  manager.open();
  const error = await manager.infer().catch((error) => error);
  assertEquals(error.kind, "not_configured");
  assertStringIncludes(error.message, "llama adapter not initialized");
  assertEquals(manager.readiness(), "not configured");
  assertEquals([manager.models(), manager.status().instances, manager.status().state], [[], [], "error"]);
  await manager.close();
  assertEquals(manager.readiness(), "draining");
});
