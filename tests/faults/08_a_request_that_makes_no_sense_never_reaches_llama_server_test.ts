import { assertEquals, assertStringIncludes } from "@std/assert";
import { assertRefused } from "../support/assert_reply.ts";
import { InferReply } from "../support/ndjson_client.ts";
import { play } from "./support/scenario.ts";
import { postV1 } from "./support/v1_client.ts";

/** Bodies, and what the answer must name. */
const BODIES: readonly (readonly [body: string | Uint8Array<ArrayBuffer>, names: string])[] = [
  ["", "JSON"],
  ["{", "JSON"],
  ["{} {}", "JSON"],
  ["null", "object"],
  ["[]", "object"],
  ['"Once"', "object"],
  ["{}", "prompt is required"],
  ['{"prompt":null}', "prompt is required"],
  ['{"prompt":"  \\n"}', "prompt is required"],
  ['{"prompt":7}', "prompt"],
  ['{"prompt":["a"]}', "prompt"],
  ['{"prompt":"\\ud800"}', "prompt"],
  ['{"prompt":"a","stop":["\\udc00"]}', "stop"],
  ['{"prompt":"a","model":7}', "model"],
  ['{"prompt":"a","stream":"yes"}', "stream"],
  ['{"prompt":"a","max_tokens":1.5}', "max_tokens"],
  ['{"prompt":"a","max_tokens":"5"}', "max_tokens"],
  ['{"prompt":"a","max_tokens":1e400}', "max_tokens"],
  ['{"prompt":"a","temperature":"hot"}', "temperature"],
  ['{"prompt":"a","temperature":1e400}', "temperature"],
  ['{"prompt":"a","temperature":NaN}', "JSON"],
  ['{"prompt":"a","top_p":[]}', "top_p"],
  ['{"prompt":"a","top_k":0.5}', "top_k"],
  ['{"prompt":"a","seed":{}}', "seed"],
  ['{"prompt":"a","repeat_penalty":true}', "repeat_penalty"],
  ['{"prompt":"a","stop":"end"}', "stop"],
  ['{"prompt":"a","stop":[1]}', "stop"],
  [`{"prompt":"a","x":${"[".repeat(5_000)}${"]".repeat(5_000)}}`, "deep"],
  [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), "UTF-8"],
];

/** Media types that are not JSON. */
const TYPES = ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json"];

Deno.test("a request that makes no sense is 400 that names the field, or 415, and never reaches llama-server", async () => {
  const count = BODIES.length + TYPES.length;
  await play({ outcomes: { "invalid queue": count }, posts: 0 }, async ({ modeld }) => {
    const client = Deno.createHttpClient({});
    const post = async (body: string | Uint8Array<ArrayBuffer>, type: string) => {
      const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
      const headers: Record<string, string> = type === "" ? {} : { "Content-Type": type };
      const url = new URL("/infer", modeld.url);
      return new InferReply(await fetch(url, { method: "POST", headers, body: bytes, client }), () => {});
    };
    for (const [body, says] of BODIES) {
      await assertRefused(await post(body, "application/json"), { code: 400, type: "invalid_request", says });
    }
    for (const type of TYPES) {
      const says = "Content-Type must be application/json";
      await assertRefused(await post('{"prompt":"a"}', type), { code: 415, type: "unsupported_media_type", says });
    }
    client.close();
  });
});

/** Bodies for `/v1`, of which modeld reads no more than it needs, and what the answer must name. */
const V1_BODIES: readonly (readonly [body: string | Uint8Array, names: string])[] = [
  ["", "JSON"],
  ["{", "JSON"],
  ["{} {}", "JSON"],
  ["null", "object"],
  ["[]", "object"],
  ['{"messages":[NaN]}', "JSON"],
  ['{"messages":[],"model":7}', "model"],
  ['{"model":"a","model":"b"}', "model"],
  [`{"messages":${"[".repeat(5_000)}${"]".repeat(5_000)}}`, "level"],
  [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), "UTF-8"],
];

Deno.test("a request to /v1 that is no JSON object is 400 that says why, or 415, and never reaches llama-server", async () => {
  const path = "/v1/chat/completions";
  const outcomes = { "invalid queue": V1_BODIES.length + TYPES.length };
  await play({ outcomes, posts: 0 }, async ({ modeld }) => {
    for (const [body, says] of V1_BODIES) {
      const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
      const { status, text } = await postV1(modeld.url, path, bytes);
      assertEquals([status, JSON.parse(text).error.code], [400, "invalid_request"], text);
      assertStringIncludes(JSON.parse(text).error.message, says);
    }
    for (const type of TYPES) {
      const { status, text } = await postV1(modeld.url, path, { messages: [] }, { type });
      assertEquals([status, JSON.parse(text).error.code], [415, "unsupported_media_type"], text);
    }
  });
});
