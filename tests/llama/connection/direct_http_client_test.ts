import { assertEquals } from "@std/assert";
import { never, serverAt, withFake } from "../server_under_test.ts";

Deno.test("a proxy in the environment is passed by, and the environment is left as it was", async () => {
  await withFake({}, async (fake) => {
    Deno.env.set("HTTP_PROXY", "http://127.0.0.1:9");
    Deno.env.set("NO_PROXY", "example.com");
    try {
      const llama = serverAt(fake.url);
      assertEquals(await llama.health(never), "ready");
      assertEquals(Deno.env.get("NO_PROXY"), "example.com");
      llama.close();
    } finally {
      Deno.env.delete("HTTP_PROXY");
      Deno.env.delete("NO_PROXY");
    }
  });
});
