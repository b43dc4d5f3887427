import { assertEquals } from "@std/assert";
import { play } from "./support/scenario.ts";
import { postV1 } from "./support/v1_client.ts";

Deno.test("prompts beyond all slots take the slots there are; single requests between them are served", async () => {
  const options = { fake: { slots: 2, tokenDelay: 2 }, outcomes: { "ok prefill": 16 }, posts: 16 };
  await play(options, async ({ modeld }) => {
    const prompt = Array.from({ length: 50 }, () => "Once");
    const bodies = Array.from({ length: 16 }, (_, at) => ({ prompt: at % 2 === 0 ? prompt : "Once", max_tokens: 2 }));
    const replies = await Promise.all(bodies.map((body) => postV1(modeld.url, "/v1/completions", body)));
    assertEquals(replies.map(({ status }) => status), bodies.map(() => 200));
  });
});
