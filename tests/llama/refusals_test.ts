import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type ErrorKind, ModeldError } from "../../src/base/errors.ts";
import { head, replyJson } from "../support/replies.ts";
import { errorBody } from "../support/wire_streams.ts";
import { never, withFake } from "./server_under_test.ts";

/** What llama-server answers, and what that means. */
const REFUSALS: readonly (readonly [status: number, body: string, kind: ErrorKind, message: string])[] = [
  [
    400,
    errorBody(400, "request (5000 tokens) exceeds", "exceed_context_size_error"),
    "upstream_invalid",
    "request (5000",
  ],
  [413, errorBody(413, "too large"), "upstream_invalid", "too large"],
  [422, errorBody(422, "bad grammar"), "upstream_invalid", "bad grammar"],
  [400, "", "upstream_invalid", "refused the request (400)"],
  [401, errorBody(401, "Invalid API Key", "authentication_error"), "upstream_refused", "--llama-api-key"],
  [403, "forbidden", "upstream_refused", "403: forbidden"],
  [404, errorBody(404, "File Not Found", "not_found_error"), "upstream_refused", "POST /v1/completions"],
  [405, "", "upstream_refused", "POST /v1/completions"],
  [501, errorBody(501, "not supported"), "upstream_refused", "501: not supported"],
  [503, errorBody(503, "Loading model", "unavailable_error"), "loading", "Loading model"],
  [503, "<html>Service Unavailable</html>", "upstream_error", "adapter generate: POST /v1/completions failed (503"],
  [
    500,
    errorBody(500, "boom", "server_error"),
    "upstream_error",
    "adapter generate: POST /v1/completions failed (500: boom)",
  ],
  [502, "", "upstream_error", "adapter generate: POST /v1/completions failed (502)"],
  [429, "slow down", "upstream_error", "429: slow down"],
];

for (const [status, body, kind, message] of REFUSALS) {
  Deno.test(`an answer of ${status} ${body.slice(0, 30)} is ${kind}, with llama-server's words`, async () => {
    await withFake({}, async (fake, llama) => {
      fake.next((exchange) => replyJson(exchange, status, body));
      const error = await assertRejects(() => llama.generate({ prompt: "Once" }, never), ModeldError);
      assertEquals(error.kind, kind);
      assertStringIncludes(error.message, message);
      assertEquals(fake.posts.length, 1);
    });
  });
}

Deno.test("llama-server's own type of a refusal is kept", async () => {
  await withFake({}, async (fake, llama) => {
    fake.next((exchange) => replyJson(exchange, 400, errorBody(400, "no", "exceed_context_size_error")));
    const error = await assertRejects(() => llama.generate({ prompt: "Once" }, never), ModeldError);
    assertEquals(error.upstreamType, "exceed_context_size_error");
  });
});

Deno.test("a redirect is refused, not followed: it would send the request again", async () => {
  await withFake({}, async (fake, llama) => {
    fake.next(async (exchange) => {
      await exchange.send(head(307, { Location: "/elsewhere", "Content-Length": "0" }));
      await exchange.close();
    });
    const error = await assertRejects(() => llama.generate({ prompt: "Once" }, never), ModeldError);
    assertEquals(error.kind, "upstream_refused");
    assertEquals(fake.posts.length, 1);
    assertEquals(fake.requests.some(({ path }) => path === "/elsewhere"), false);
  });
});

Deno.test("a key that the server does not take is found before any generation is asked for", async () => {
  await withFake({}, async (fake, llama) => {
    fake.on("GET /v1/models", (exchange) => replyJson(exchange, 401, errorBody(401, "Invalid API Key")));
    const error = await assertRejects(() => llama.generate({ prompt: "Once" }, never), ModeldError);
    assertEquals(error.kind, "upstream_refused");
    assertEquals(fake.posts.length, 0);
  });
});
