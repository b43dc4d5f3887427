import { assertEquals } from "@std/assert";
import { infer } from "../tests/support/ndjson_client.ts";
import { withStack } from "./support/stack.ts";

Deno.test("300 back-to-back streams: 300 succeed, and llama-server was asked 300 times", async () => {
  await withStack({}, async ({ llama, modeld }) => {
    const before = llama.loggedGenerations;
    let succeeded = 0;
    for (let count = 0; count < 300; count++) {
      const reply = await infer(modeld.url, { prompt: "Once", max_tokens: 3 });
      if ((await reply.last()).done) succeeded++;
    }
    assertEquals(succeeded, 300);
    await llama.stop(); // its log is whole then
    assertEquals(llama.loggedGenerations - before, 300);
  });
});
