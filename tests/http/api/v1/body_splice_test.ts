import { assertEquals } from "@std/assert";
import { type BodyChanges, spliceBody } from "../../../../src/http/api/v1/body_splice.ts";
import { bytesOf, scanned } from "./scan.ts";

const model: BodyChanges = { model: "b" };
const omit: BodyChanges = { omit: ["id_slot", "stream"] };
const both: BodyChanges = { ...model, ...omit };

const cases: readonly (readonly [promise: string, body: string, changes: BodyChanges, expected: string])[] = [
  ["replaces the model where it stands", `{ "x":1 , "model" : "a" }`, model, `{ "x":1 , "model" : "b" }`],
  ["replaces a model of any kind", `{"model":{"a":[1]},"x":1}`, model, `{"model":"b","x":1}`],
  ["replaces the model behind an escaped name", `{"mod\\u0065l":"a"}`, model, `{"mod\\u0065l":"b"}`],
  ["puts a missing model first", `{ "x":1}`, model, `{"model":"b", "x":1}`],
  ["puts a model into an empty object without a comma", ` { } `, model, ` {"model":"b" } `],
  ["escapes the model", `{"x":1}`, { model: `"\\\n\ud800é` }, `{"model":"\\"\\\\\\n\\ud800é","x":1}`],
  ["leaves a byte order mark in front", `\ufeff{"x":1}`, model, `\ufeff{"model":"b","x":1}`],
  ["leaves out the first field", `{ "id_slot" : 1 , "x":1 }`, omit, `{ "x":1 }`],
  ["leaves out a field between others", `{"a":1 , "id_slot":1, "b":2}`, omit, `{"a":1 , "b":2}`],
  ["leaves out the last field", `{"a":1 , "id_slot" : 1 }`, omit, `{"a":1 }`],
  ["leaves out the only field", `{ "id_slot":[1,{"a":2}] }`, omit, `{  }`],
  ["leaves out two that follow each other first", `{"id_slot":1, "stream":2, "a":3}`, omit, `{"a":3}`],
  ["leaves out two that follow each other last", `{"a":3, "id_slot":1, "stream":2}`, omit, `{"a":3}`],
  ["leaves out the only two", `{"id_slot":1,"stream":2}`, omit, `{}`],
  ["leaves out two apart", `{"id_slot":1,"a":2,"stream":3}`, omit, `{"a":2}`],
  ["leaves out two around others", `{"a":0,"id_slot":1,"b":2,"stream":3,"c":4}`, omit, `{"a":0,"b":2,"c":4}`],
  ["puts the model in place of all fields", `{"id_slot":1,"stream":2}`, both, `{"model":"b"}`],
  ["puts the model in front of what is left", `{"id_slot":1,"a":2}`, both, `{"model":"b","a":2}`],
  ["changes and leaves out neighbours", `{"id_slot":1,"model":"a","stream":2}`, both, `{"model":"b"}`],
  [
    "keeps what a number looks like",
    `{"n":1e400,"id_slot":0,"seed":18446744073709551615,"t":0.10}`,
    omit, //
    `{"n":1e400,"seed":18446744073709551615,"t":0.10}`,
  ],
  [
    "leaves out top-level fields alone",
    `{"a":{"id_slot":1},"b":[{"id_slot":2}]}`,
    omit, //
    `{"a":{"id_slot":1},"b":[{"id_slot":2}]}`,
  ],
];

for (const [promise, body, changes, expected] of cases) {
  Deno.test(`the splice ${promise}`, async () => {
    const bytes = bytesOf(body);
    const result = await scanned(bytes, { fields: ["model", "id_slot", "stream"] });
    const spliced = spliceBody(bytes, result, changes);
    assertEquals(new TextDecoder("utf-8", { ignoreBOM: true }).decode(spliced), expected);
  });
}
