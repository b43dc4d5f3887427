import { assertEquals } from "@std/assert";
import { booleanOf, countTasks, integerOf, textOf } from "../../../../src/http/api/v1/body_fields.ts";
import { scannedFields, v1Routes } from "../../../../src/http/api/v1/routes.ts";
import { bytesOf, scanned } from "./scan.ts";

const FIELDS = { fields: ["model", "user", "stream", "n", "max_tokens"] };

Deno.test("a text is read with its escapes decoded", async () => {
  const body = bytesOf(`{"model":"qw\\u0065n\\/3 \\"é\\" 😀","user":"","n":2}`);
  const result = await scanned(body, FIELDS);
  assertEquals(textOf(body, result, "model"), `qwen/3 "é" 😀`);
  assertEquals(textOf(body, result, "user"), "");
  assertEquals(textOf(body, result, "n"), undefined);
  assertEquals(textOf(body, result, "missing"), undefined);
});

Deno.test("a text of more than 4096 bytes is not read", async () => {
  const body = bytesOf(`{"model":"${"x".repeat(4094)}","user":"${"x".repeat(4095)}"}`);
  const result = await scanned(body, FIELDS);
  assertEquals(textOf(body, result, "model")?.length, 4094);
  assertEquals(textOf(body, result, "user"), undefined);
});

for (const [source, expected] of [["true", true], ["false", false], ["null", undefined], ['"true"', undefined]]) {
  Deno.test(`stream ${source} is read as ${expected}`, async () => {
    const body = bytesOf(`{"stream":${source}}`);
    assertEquals(booleanOf(body, await scanned(body, FIELDS), "stream"), expected);
  });
}

for (
  const [source, expected] of [
    ["5", 5],
    ["2.9", 2],
    ["-1", -1],
    ["1e2", 100],
    ["null", undefined],
    ['"5"', undefined],
    ["1".repeat(33), undefined],
  ] as const
) {
  Deno.test(`max_tokens ${source} is read as ${expected}`, async () => {
    const body = bytesOf(`{"max_tokens":${source}}`);
    assertEquals(integerOf(body, await scanned(body, FIELDS), "max_tokens"), expected);
  });
}

/** As llama-server 11669 answers them: one result for each task. */
for (
  const [path, source, expected] of [
    ["/v1/chat/completions", `{"messages":[1,2,3]}`, 1],
    ["/v1/chat/completions", `{"messages":[],"n":3}`, 3],
    ["/v1/chat/completions", `{"n":2.9}`, 2],
    ["/v1/chat/completions", `{"n":true}`, 1],
    ["/v1/chat/completions", `{"n":"2"}`, 1],
    ["/v1/chat/completions", `{"n":0}`, 1],
    ["/v1/chat/completions", `{"n":-3}`, 1],
    ["/v1/chat/completions", `{"n":1,"n_cmpl":2}`, 2],
    ["/v1/chat/completions", `{"n":2,"n_cmpl":1}`, 1],
    ["/v1/chat/completions", `{"n":2,"n_cmpl":null}`, 2],
    ["/v1/completions", `{"prompt":"a"}`, 1],
    ["/v1/completions", `{"prompt":["a","b"],"n":2}`, 4],
    ["/v1/completions", `{"prompt":[1,2,3]}`, 1],
    ["/v1/completions", `{"prompt":[[1,2],[3],"x"]}`, 3],
    ["/v1/completions", `{"prompt":["a",1,"b"]}`, 1],
    ["/v1/completions", `{"prompt":[]}`, 1],
    ["/v1/completions", `{"prompt":{"prompt_string":"a"}}`, 1],
    ["/v1/responses", `{"input":[{},{}],"n":2}`, 2],
    ["/v1/messages", `{"messages":[{}],"n":2}`, 1],
    ["/completion", `{"prompt":["a","b","c"]}`, 3],
    ["/infill", `{"input_prefix":"a","input_suffix":"b"}`, 1],
    ["/v1/embeddings", `{"input":["a","b"],"n":4}`, 2],
    ["/embedding", `{"content":"a"}`, 1],
    ["/v1/rerank", `{"query":"a","documents":["a","b","c"]}`, 3],
    ["/rerank", `{"query":"a","texts":["a","b"]}`, 2],
  ] as const
) {
  Deno.test(`${path} with ${source} takes ${expected} slots`, async () => {
    const route = v1Routes.find(({ paths }) => paths.includes(path));
    if (route?.slots === undefined) throw new Error(`${path} takes no slots`);
    const body = bytesOf(source);
    assertEquals(countTasks(body, await scanned(body, { fields: scannedFields(route) }), route.slots), expected);
  });
}
