import { assertEquals } from "@std/assert";
import { eventually } from "../tests/support/eventually.ts";
import { infer } from "../tests/support/ndjson_client.ts";
import { RealLlamaServer } from "../tests/support/real_llama_server.ts";
import { withStack } from "./support/stack.ts";

/** A cache that takes llama-server seconds to make room for, so that it is seen while it loads. */
const SLOW_LOAD = ["-c", "1000000", "-np", "1"];

Deno.test("a request that meets a llama-server which is loading after a restart waits for it and is served", async () => {
  await withStack({}, async ({ llama, modeld, llamaArgs }) => {
    await llama.stop();
    await eventually("modeld has lost it", async () => (await modeld.get("/readyz")).text === "unreachable");
    const back = RealLlamaServer.launch([...llamaArgs, ...SLOW_LOAD], { port: Number(llama.url.port) });
    try {
      await eventually("modeld sees it loading", async () => (await modeld.get("/readyz")).text === "loading");
      const served = await infer(modeld.url, { prompt: "Once", max_tokens: 2 });
      assertEquals([served.status, (await served.last()).done], [200, true]);
    } finally {
      await back.stop("SIGKILL");
    }
  });
});
