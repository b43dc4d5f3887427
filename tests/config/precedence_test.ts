import { assert, assertEquals } from "@std/assert";
import { configure, withFile } from "./configure.ts";

Deno.test("a flag beats the environment, the environment the file, the file the default", async () => {
  const full = { args: ["--max-queue-depth", "4"], env: { MODELD_MAX_QUEUE_DEPTH: "3" } };
  await withFile(".yaml", "max_queue_depth: 2\n", async (path) => {
    const env = { ...full.env, MODELD_CONFIG: path };
    assertEquals((await configure({ args: full.args, env })).settings.maxQueueDepth, 4);
    assertEquals((await configure({ env })).settings.maxQueueDepth, 3);
    assertEquals((await configure({ env: { MODELD_CONFIG: path } })).settings.maxQueueDepth, 2);
    assertEquals((await configure({})).settings.maxQueueDepth, 32);
  });
});

Deno.test("each setting has its own precedence", async () => {
  await withFile(".yaml", "addr: :1\nmax_wait: 2s\n", async (path) => {
    const { settings, sources } = await configure({ args: ["-config", path, "-addr", ":9"] });
    assertEquals([settings.addr.port, settings.maxWait], [9, 2000]);
    assertEquals(sources.addr, { from: "flag", name: "--addr" });
    assertEquals(sources.maxWait, { from: "file", path, key: "max_wait" });
    assertEquals(sources.maxBodyBytes, { from: "default" });
  });
});

Deno.test("settings cannot be changed afterwards", async () => {
  const { settings } = await configure({});
  for (const value of [settings, settings.addr, settings.corsOrigins, settings.corsMethods, settings.corsHeaders]) {
    assert(Object.isFrozen(value));
  }
});
