import { assert, assertEquals } from "@std/assert";
import { infer } from "../tests/support/ndjson_client.ts";
import { RealLlamaServer } from "../tests/support/real_llama_server.ts";
import { withStack } from "./support/stack.ts";

Deno.test("llama-server killed mid-stream gives an error line and no final one; modeld serves again when it is back", async () => {
  await withStack({}, async ({ llama, modeld, llamaArgs }) => {
    const reply = await infer(modeld.url, { prompt: "Once", max_tokens: 15_000 });
    await reply.read(3);
    await llama.stop("SIGKILL");
    const last = await reply.last();
    assertEquals([last.code, last.type], [500, "truncated"]);
    assert(
      reply.lines.slice(0, -1).every((line) => line.token !== undefined),
      "something else than tokens came before",
    );

    const away = await infer(modeld.url, { prompt: "Once", max_tokens: 4 });
    assertEquals([away.status, (await away.last()).type], [503, "unreachable"]);
    assertEquals((await modeld.get("/readyz")).status, 503);

    const back = await RealLlamaServer.start(llamaArgs, { port: Number(llama.url.port) });
    try {
      await modeld.ready();
      const served = await infer(modeld.url, { prompt: "Once", max_tokens: 4 });
      assertEquals((await served.last()).done, true);
    } finally {
      await back.stop();
    }
  });
});
