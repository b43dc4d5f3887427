import { head, replyJson } from "../support/replies.ts";
import { assertRefused } from "../support/assert_reply.ts";
import { errorBody } from "../support/wire_streams.ts";
import { play } from "./support/scenario.ts";

Deno.test("a 5xx of llama-server is 500 with its message, asked once", async () => {
  await play({ outcomes: { "upstream_error prefill": 2 }, posts: 2 }, async ({ llama, ask }) => {
    for (const status of [500, 502]) {
      llama.next((exchange) => replyJson(exchange, status, errorBody(status, "the GPU is on fire", "server_error")));
      await assertRefused(await ask(), {
        code: 500,
        type: "upstream_error",
        says: "the GPU is on fire",
        upstream_type: "server_error",
      });
    }
  });
});

Deno.test("a 5xx without JSON is 500 with the status named", async () => {
  await play({ outcomes: { "upstream_error prefill": 1 }, posts: 1 }, async ({ llama, ask }) => {
    llama.next((exchange) =>
      exchange.send(head(502, { "Content-Type": "text/html", "Content-Length": "6" }) + "<html>")
    );
    await assertRefused(await ask(), { code: 500, type: "upstream_error", says: "adapter generate: " });
  });
});
