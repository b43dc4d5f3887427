import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { assertStreamed } from "../support/assert_reply.ts";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { RawClient } from "./support/raw_client.ts";
import { play } from "./support/scenario.ts";

/** What a stuck client sends before it says nothing more. */
const PARTS = {
  nothing: "",
  "half a header": "POST /infer HTTP/1.1\r\nHost: loc",
  "half a body":
    "POST /infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
};

Deno.test("500 connections that send half a request hold nobody else up, and half a body is 408 at --body-timeout", async () => {
  await play(
    { modeld: ["--body-timeout", "1s"], outcomes: { "timeout queue": 166, "ok stream": 1 }, posts: 1 },
    async ({ modeld, ask }) => {
      const kinds = Object.values(PARTS);
      const clients: RawClient[] = [];
      for (let count = 0; count < 500; count++) {
        const client = await RawClient.connect(modeld.url);
        await client.send(kinds[count % kinds.length] ?? "");
        clients.push(client);
      }
      const start = performance.now();
      await assertStreamed(await ask(), CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);
      assert(performance.now() - start < 1_000, "another client had to wait");

      const halfBodies = clients.filter((_, index) => index % kinds.length === 2);
      for (const client of halfBodies) {
        await client.until('"type":"body_timeout"');
        assertStringIncludes(client.text, "HTTP/1.1 408 Request Timeout\r\n");
      }
      assertEquals((await modeld.get("/healthz")).status, 200);
      for (const client of clients) client.close();
    },
  );
});
