import { assert, assertEquals } from "@std/assert";
import { scannedFields, v1Routes } from "../../../../src/http/api/v1/routes.ts";

/** The endpoint table of the contract for /v1: paths, how slots are counted, what a stream ends well with. */
const contract = {
  "/v1/chat/completions": "openai n [DONE]",
  "/chat/completions": "openai n [DONE]",
  "/v1/completions": "openai prompt×n [DONE]",
  "/v1/responses": "responses n response",
  "/v1/messages": "anthropic 1 message_stop",
  "/completion": "native prompt×n stop",
  "/completions": "native prompt×n stop",
  "/infill": "native prompt×n stop",
  "/v1/embeddings": "openai input whole",
  "/embeddings": "native input whole",
  "/embedding": "native input whole",
  "/v1/rerank": "openai documents whole",
  "/rerank": "openai documents whole",
  "/reranking": "openai documents whole",
  "/tokenize": "native none whole",
  "/detokenize": "native none whole",
  "/apply-template": "native none whole",
  "/v1/messages/count_tokens": "anthropic none whole",
  "/v1/chat/completions/input_tokens": "openai none whole",
};

/** Other names that llama-server 11669 has for the same, and its token count for Responses. */
const aliases = {
  "/responses": "responses n response",
  "/v1/reranking": "openai documents whole",
  "/chat/completions/input_tokens": "openai none whole",
  "/v1/responses/input_tokens": "responses none whole",
  "/responses/input_tokens": "responses none whole",
};

Deno.test("the routes are those of the contract and llama-server's other names for them", () => {
  const described = v1Routes.flatMap(({ paths, api, slots, terminal }) => {
    const counted = slots && [slots.prompts[0], slots.times.at(-1)].filter((name) => name !== undefined).join("×");
    return paths.map((path) => [path, `${api} ${slots ? counted || "1" : "none"} ${terminal ?? "whole"}`] as const);
  });
  assertEquals(new Map(described), new Map(Object.entries({ ...contract, ...aliases })));
  assertEquals(described.length, new Map(described).size);
});

Deno.test("a route asks llama-server by one of its own paths", () => {
  for (const { paths, upstream } of v1Routes) assert(paths.includes(upstream), upstream);
});

Deno.test("a route that streams takes slots and says how its tokens are limited", () => {
  for (const { paths, terminal, slots, tokenLimits } of v1Routes) {
    assertEquals(terminal !== undefined, tokenLimits.length > 0, paths[0]);
    assert(terminal === undefined || slots !== undefined);
  }
});

Deno.test("every body is scanned for what must not come twice or must be left out, and for each field once", () => {
  for (const route of v1Routes) {
    const fields = scannedFields(route);
    for (const name of ["model", "stream", "id_slot"]) assert(fields.includes(name));
    assertEquals(new Set(fields).size, fields.length);
    assert(fields.every((name) => /^\w+$/.test(name)));
  }
});
