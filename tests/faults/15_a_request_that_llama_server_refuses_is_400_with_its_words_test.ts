import { replyJson } from "../support/replies.ts";
import { errorBody } from "../support/wire_streams.ts";
import { playEach } from "./support/apis.ts";

const REFUSALS = [
  [400, "the request exceeds the available context size", "exceed_context_size_error"],
  [400, "failed to parse grammar", "invalid_request_error"],
  [413, "prompt too large", "invalid_request_error"],
  [422, "unprocessable", "invalid_request_error"],
] as const;

Deno.test("a request that llama-server refuses is 400 upstream_invalid with its own message and type", async () => {
  await playEach(
    { outcomes: { "invalid prefill": REFUSALS.length }, posts: REFUSALS.length },
    async ({ llama, ask }) => {
      for (const [status, message, type] of REFUSALS) {
        llama.next((exchange) => replyJson(exchange, status, errorBody(status, message, type)));
        const error = { code: 400, ownCode: status, type: "upstream_invalid", says: message, upstream_type: type };
        await (await ask()).assertRefused(error);
      }
    },
  );
});

Deno.test("a server that does not accept modeld itself is 503 upstream_refused", async () => {
  const statuses = [401, 403];
  await playEach(
    { outcomes: { "upstream_error prefill": statuses.length }, posts: statuses.length },
    async ({ llama, ask }) => {
      for (const status of statuses) {
        llama.next((exchange) =>
          replyJson(exchange, status, errorBody(status, "Invalid API Key", "authentication_error"))
        );
        await (await ask()).assertRefused({
          code: 503,
          ownCode: status,
          type: "upstream_refused",
          says: "Invalid API Key",
          upstream_type: "authentication_error",
        });
      }
    },
  );
});
