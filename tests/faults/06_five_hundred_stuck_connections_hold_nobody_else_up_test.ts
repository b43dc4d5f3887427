import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { APIS } from "./support/apis.ts";
import { RawClient } from "./support/raw_client.ts";
import { play } from "./support/scenario.ts";

/** What a stuck client sends before it says nothing more. */
const PARTS = {
  nothing: "",
  "half a header": "POST /infer HTTP/1.1\r\nHost: loc",
  "half a body": halfBody("/infer"),
  "half a body for /v1": halfBody("/v1/chat/completions"),
};

function halfBody(path: string): string {
  const headers = "Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n";
  return `POST ${path} HTTP/1.1\r\n${headers}\r\n{`;
}

Deno.test("500 connections that send half a request hold nobody else up, and half a body is 408 at --body-timeout", async () => {
  await play(
    { modeld: ["--body-timeout", "1s"], outcomes: { "timeout queue": 250, "ok stream": 2 }, posts: 2 },
    async ({ modeld }) => {
      const kinds = Object.values(PARTS);
      const clients: RawClient[] = [];
      for (let count = 0; count < 500; count++) {
        const client = await RawClient.connect(modeld.url);
        await client.send(kinds[count % kinds.length] ?? "");
        clients.push(client);
      }
      const start = performance.now();
      for (const api of APIS) {
        const reply = await api.ask(modeld.url, api.body("Once"));
        await reply.assertStreamed(CANNED_TOKENS, [1, CANNED_TOKENS.length]);
      }
      assert(performance.now() - start < 1_000, "other clients had to wait");

      const halfBodies = clients.filter((_, index) => index % kinds.length >= 2);
      for (const client of halfBodies) {
        await client.until(':"body_timeout"');
        assertStringIncludes(client.text, "HTTP/1.1 408 Request Timeout\r\n");
      }
      assertEquals((await modeld.get("/healthz")).status, 200);
      for (const client of clients) client.close();
    },
  );
});
