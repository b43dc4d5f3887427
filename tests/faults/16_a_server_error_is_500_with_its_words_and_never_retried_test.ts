import { head, replyJson } from "../support/replies.ts";
import { errorBody } from "../support/wire_streams.ts";
import { playEach } from "./support/apis.ts";

Deno.test("a 5xx of llama-server is 500 with its message, asked once", async () => {
  await playEach({ outcomes: { "upstream_error prefill": 2 }, posts: 2 }, async ({ llama, ask }) => {
    for (const status of [500, 502]) {
      llama.next((exchange) => replyJson(exchange, status, errorBody(status, "the GPU is on fire", "server_error")));
      await (await ask()).assertRefused({
        code: 500,
        ownCode: status,
        type: "upstream_error",
        says: "the GPU is on fire",
        upstream_type: "server_error",
      });
    }
  });
});

Deno.test("a 5xx without JSON is 500 with the status named", async () => {
  await playEach({ outcomes: { "upstream_error prefill": 1 }, posts: 1 }, async ({ llama, ask }) => {
    llama.next((exchange) =>
      exchange.send(head(502, { "Content-Type": "text/html", "Content-Length": "6" }) + "<html>")
    );
    await (await ask()).assertRefused({ code: 500, type: "upstream_error", says: "failed (502" });
  });
});
