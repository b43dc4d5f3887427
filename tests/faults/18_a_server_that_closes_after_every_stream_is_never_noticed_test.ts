import { assertStreamed } from "../support/assert_reply.ts";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { play } from "./support/scenario.ts";

Deno.test("300 back-to-back streams from a server that closes after each: 300 succeed, one POST each", async () => {
  await play({ outcomes: { "ok stream": 300 }, posts: 300 }, async ({ ask }) => {
    for (let count = 0; count < 300; count++) {
      await assertStreamed(await ask(), CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);
    }
  });
});
