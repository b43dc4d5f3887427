import { assert, assertEquals } from "@std/assert";
import { type ErrorKind, ModeldError, shuttingDown } from "../../../../src/base/errors.ts";
import { errorBody, errorEvent, retryHeaders, v1ErrorTable } from "../../../../src/http/api/v1/error_shapes.ts";
import { errorReply as ownErrorReply } from "../../../../src/http/error_reply.ts";
import { errorTable } from "../../../../src/http/error_table.ts";

const busy = new ModeldError("queue_full", `too busy: "qwen3"\n`, { retryAfterSeconds: 3 });
const cut = new ModeldError("truncated", "adapter generate: ended too early");

Deno.test("OpenAI's and native errors have OpenAI's shape, with modeld's kind as code", () => {
  for (const api of ["openai", "native", "responses"] as const) {
    assertEquals(
      errorBody(api, busy, "r1"),
      `{"error":{"message":"too busy: \\"qwen3\\"\\n","type":"rate_limit_error","param":null,"code":"queue_full"}}`,
    );
  }
});

Deno.test("Anthropic's errors have Anthropic's shape, with the request's id", () => {
  assertEquals(
    errorBody("anthropic", busy, "r1"),
    `{"type":"error","error":{"type":"rate_limit_error","message":"too busy: \\"qwen3\\"\\n"},"request_id":"r1"}`,
  );
});

Deno.test("an error in a stream is one event that the API's SDK raises on", () => {
  const error = `{"message":"adapter generate: ended too early","type":"server_error","param":null,"code":"truncated"}`;
  for (const api of ["openai", "native"] as const) {
    assertEquals(errorEvent(api, cut, "r1"), `data: {"error":${error}}\n\n`);
  }
  assertEquals(
    errorEvent("anthropic", cut, "r1"),
    `event: error\ndata: {"type":"error","error":{"type":"api_error","message":"adapter generate: ended too early"},` +
      `"request_id":"r1"}\n\n`,
  );
  assertEquals(
    errorEvent("responses", cut, "r1"),
    `event: error\ndata: {"type":"error","code":"truncated","message":"adapter generate: ended too early","param":null,` +
      `"error":${error}}\n\n`,
  );
});

Deno.test("an event is one line of data, whatever the message", () => {
  for (const api of ["openai", "native", "anthropic", "responses"] as const) {
    const event = errorEvent(api, new ModeldError("protocol", "a\r\n\r\ndata: [DONE]\n\n"), "r1");
    assertEquals(event.trimEnd().split("\n").length, event.startsWith("event:") ? 2 : 1);
  }
});

Deno.test("nothing that may have begun is to be sent again", () => {
  for (const kind of kinds()) {
    const error = new ModeldError(kind, "m", { retryAfterSeconds: 1, begun: "maybe" });
    assertEquals(retryHeaders(error), { "x-should-retry": "false" }, kind);
  }
});

Deno.test("what passes by itself may be sent again, with the time where one is known", () => {
  assertEquals(retryHeaders(busy), { "x-should-retry": "true", "retry-after": "3", "retry-after-ms": "3000" });
  assertEquals(retryHeaders(new ModeldError("unreachable", "m")), { "x-should-retry": "true" });
});

Deno.test("a refusal for good is not to be sent again: an SDK would obey a true even for a 400", () => {
  for (const kind of kinds().filter((kind) => errorTable[kind].status < 408)) {
    assertEquals(retryHeaders(new ModeldError(kind, "m")), { "x-should-retry": "false" }, kind);
  }
});

Deno.test("types fit the statuses of the one error table", () => {
  const openAi: Record<number, string> = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "invalid_request_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "invalid_request_error",
    415: "invalid_request_error",
    429: "rate_limit_error",
    499: "server_error",
    500: "server_error",
    503: "service_unavailable_error",
    507: "service_unavailable_error",
  };
  for (const kind of kinds()) {
    assertEquals(v1ErrorTable[kind].openai, openAi[errorTable[kind].status], kind);
    if (kind.endsWith("timeout") && kind !== "wait_timeout") {
      assertEquals(v1ErrorTable[kind].anthropic, "timeout_error", kind);
    }
  }
});

function kinds(): ErrorKind[] {
  return Object.keys(v1ErrorTable).filter((kind): kind is ErrorKind => kind in errorTable);
}

Deno.test("a 429 and a 503 of modeld's own mean that nothing began, so that a gateway may ask the next modeld", () => {
  const busy = kinds().filter((kind) => [429, 503].includes(errorTable[kind].status));
  assert(busy.length > 8);
  for (const kind of busy) {
    const error = new ModeldError(kind, "m");
    assertEquals([error.begun, retryHeaders(error)["x-should-retry"]], ["no", "true"], kind);
    assertEquals(ownErrorReply(error).headers.get("x-should-retry"), "true", kind);
  }
  const cut = shuttingDown("maybe");
  assertEquals([retryHeaders(cut)["x-should-retry"], ownErrorReply(cut).headers.get("x-should-retry")], [
    "false",
    "false",
  ]);
});
