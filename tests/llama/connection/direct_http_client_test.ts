import { assertEquals } from "@std/assert";
import { adapterTo, never, withStandIn } from "../adapter_under_test.ts";

Deno.test("a proxy in the environment is passed by, and the environment is left as it was", async () => {
  await withStandIn({}, async (standIn) => {
    Deno.env.set("HTTP_PROXY", "http://127.0.0.1:9");
    Deno.env.set("NO_PROXY", "example.com");
    try {
      const adapter = adapterTo(standIn.url);
      assertEquals(await adapter.health(never), "ready");
      assertEquals(Deno.env.get("NO_PROXY"), "example.com");
      adapter.close();
    } finally {
      Deno.env.delete("HTTP_PROXY");
      Deno.env.delete("NO_PROXY");
    }
  });
});
