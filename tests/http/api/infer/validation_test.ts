import { assertEquals, assertStringIncludes } from "@std/assert";
import { withServer } from "../../with_server.ts";

const SURROGATE = "\\ud800";

/** What is wrong, the body, and what the error must say. */
const refused: readonly (readonly [string, string, string])[] = [
  ["no JSON", "{", "the body is not valid JSON"],
  ["an empty body", "", "the body is not valid JSON"],
  ["an array", "[]", "the body must be a JSON object"],
  ["a deep array", `${"[".repeat(64)}${"]".repeat(64)}`, "the body must be a JSON object"],
  ["null", "null", "the body must be a JSON object"],
  ["no prompt", "{}", "prompt is required"],
  ["a null prompt", '{"prompt":null}', "prompt is required"],
  ["an empty prompt", '{"prompt":""}', "prompt is required"],
  ["a blank prompt", '{"prompt":" \\n\\t"}', "prompt is required"],
  ["a prompt that is a number", '{"prompt":1}', "prompt must be a string"],
  ["a lone surrogate in prompt", `{"prompt":"a${SURROGATE}"}`, "prompt holds half of a surrogate pair"],
  ["a lone surrogate in stop", `{"prompt":"a","stop":["${SURROGATE}"]}`, "stop[0] holds half of a surrogate pair"],
  ["a model that is a number", '{"prompt":"a","model":1}', "model must be a string"],
  ["stream as text", '{"prompt":"a","stream":"false"}', "stream must be true or false"],
  ["an infinite temperature", '{"prompt":"a","temperature":1e999}', "temperature must be a finite number"],
  ["NaN", '{"prompt":"a","temperature":NaN}', "the body is not valid JSON"],
  ["top_p as text", '{"prompt":"a","top_p":"1"}', "top_p must be a finite number"],
  ["half a token", '{"prompt":"a","max_tokens":1.5}', "max_tokens must be an integer"],
  ["an integer too large to be exact", '{"prompt":"a","seed":1e300}', "seed must be at most 9007199254740991"],
  ["a negative one", '{"prompt":"a","top_k":-9007199254740992}', "top_k must be at least -9007199254740991"],
  ["an infinite integer", '{"prompt":"a","max_tokens":1e999}', "max_tokens must be an integer"],
  ["top_k as text", '{"prompt":"a","top_k":"4"}', "top_k must be an integer"],
  ["stop as text", '{"prompt":"a","stop":"x"}', "stop must be an array of strings"],
  ["a number in stop", '{"prompt":"a","stop":["x",1]}', "stop[1] must be a string"],
  ["deep nesting", `{"prompt":"a","x":${"[".repeat(32)}${"]".repeat(32)}}`, "x is nested deeper than 32 levels"],
  ["very deep nesting", `{"x":${"[".repeat(400_000)}${"]".repeat(400_000)}}`, "the body has more than 10000 values"],
  ["many values", `{"prompt":"a","x":[${"1,".repeat(10_000)}1]}`, "the body has more than 10000 values"],
  ["65 stop sequences", `{"prompt":"a","stop":["a"${',"a"'.repeat(64)}]}`, "stop has more than 64 items"],
  ["tokens beyond 31 bits", '{"prompt":"a","max_tokens":2147483648}', "max_tokens must be at most 2147483647"],
  ["a seed beyond 32 bits", '{"prompt":"a","seed":4294967296}', "seed must be at most 4294967295"],
  ["two faults", '{"prompt":"a","top_k":"4","seed":"x"}', "top_k must be an integer; seed must be an integer"],
];

for (const [name, body, message] of refused) {
  Deno.test(`${name} is refused with "${message}", and llama-server is not asked`, () =>
    withServer(async ({ infer, fleet, observer }) => {
      const reply = await infer(body);
      const error = await reply.json();
      assertStringIncludes(error.error, message);
      assertEquals([reply.status, error.code, error.type], [400, 400, "invalid_request"]);
      assertEquals(fleet.calls.length, 0);
      assertEquals(await observer.outcomes(), ["invalid"]);
    }));
}

for (const body of ['{"prompt":"a secret", "x": }', '{"prompt":"a secret"', "a secret", '{"prompt":"a secret\n"}']) {
  Deno.test(`the error that says no more than that ${JSON.stringify(body)} is not JSON is fit for the log`, () =>
    withServer(async ({ infer }) => {
      assertEquals((await (await infer(body)).json()).error, "the body is not valid JSON");
    }));
}

Deno.test("bytes that are not UTF-8 are refused", () =>
  withServer(async ({ infer }) => {
    const reply = await infer(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]));
    assertEquals(reply.status, 400);
    assertEquals((await reply.json()).error, "the body is not valid UTF-8");
  }));

Deno.test("nesting up to the limit is accepted", () =>
  withServer(async ({ infer }) => {
    const reply = await infer(`{"prompt":"a","x":${"[".repeat(31)}${"]".repeat(31)}}`);
    assertEquals(reply.status, 200);
    await reply.text();
  }));

Deno.test("zero seed, zero or negative max_tokens, empty model and null are the same as missing", () =>
  withServer(async ({ infer, fleet }) => {
    await (await infer({ prompt: "a", seed: 0, max_tokens: 0, model: "", top_k: null, stop: null })).text();
    await (await infer({ prompt: "a", max_tokens: -1 })).text();
    for (const { sent } of fleet.calls) assertEquals(Object.keys(sent).sort(), ["headers", "prompt"]);
    assertEquals(fleet.calls.length, 2);
  }));

for (
  const type of ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json;x=y"]
) {
  Deno.test(`Content-Type ${type} is accepted`, () =>
    withServer(async ({ infer }) => {
      const reply = await infer({ prompt: "a" }, { headers: { "Content-Type": type } });
      assertEquals(reply.status, 200);
      await reply.text();
    }));
}

for (const type of ["text/plain", "application/jsonp", "application/x-www-form-urlencoded", "application/json-seq"]) {
  Deno.test(`Content-Type ${type} is refused with 415`, () =>
    withServer(async ({ infer, fleet }) => {
      const reply = await infer({ prompt: "a" }, { headers: { "Content-Type": type } });
      assertEquals(reply.status, 415);
      assertEquals(await reply.json(), {
        error: "Content-Type must be application/json",
        code: 415,
        type: "unsupported_media_type",
      });
      assertEquals(fleet.calls.length, 0);
    }));
}
