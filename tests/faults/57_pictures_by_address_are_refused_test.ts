import { assertEquals, assertStringIncludes } from "@std/assert";
import { play } from "./support/scenario.ts";
import { postV1 } from "./support/v1_client.ts";

const byAddress = {
  messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "http://169.254.169.254/" } }] }],
};

Deno.test("a picture by its http address is 400, and llama-server is not asked", async () => {
  await play({ outcomes: { "invalid queue": 1 }, posts: 0 }, async ({ modeld }) => {
    const { status, text } = await postV1(modeld.url, "/v1/chat/completions", byAddress);
    assertEquals(status, 400);
    assertStringIncludes(text, "--allow-media-urls");
  });
});

Deno.test("with --allow-media-urls a picture by its http address is passed on", async () => {
  await play({ modeld: ["--allow-media-urls"], outcomes: { "ok prefill": 1 }, posts: 1 }, async ({ llama, modeld }) => {
    assertEquals((await postV1(modeld.url, "/v1/chat/completions", byAddress)).status, 200);
    assertEquals(llama.posts.at(-1)?.body, JSON.stringify(byAddress));
  });
});
