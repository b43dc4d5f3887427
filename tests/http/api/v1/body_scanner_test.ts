import { assert, assertEquals, assertRejects } from "@std/assert";
import { BYTES_PER_TURN } from "../../../../src/http/api/v1/body_scanner.ts";
import { assertRefused, bytesOf, scan, scanned } from "./scan.ts";

const CHAT = `{"model":"qwen3", "messages":[{"role":"user","content":"hé \\ud83d\\ude00 \\n"}, {"role":"assistant"}],` +
  `"stream":true,"n":2,"temperature":-1.50e+3,"seed":null,"stop":[]}`;

Deno.test("the scan reports where the fields are that it was asked for, and no others", async () => {
  const { fields, fieldCount, open } = await scanned(CHAT, { fields: ["model", "stream", "n", "seed", "missing"] });
  const bytes = bytesOf(CHAT);
  const text = (start: number, end: number) => new TextDecoder().decode(bytes.subarray(start, end));
  assertEquals(
    Array.from(fields, ([name, { kind, start, end }]) => [name, kind, text(start, end)]),
    [["model", "string", '"qwen3"'], ["stream", "boolean", "true"], ["n", "number", "2"], ["seed", "null", "null"]],
  );
  assertEquals({ fieldCount, open }, { fieldCount: 7, open: 1 });
});

Deno.test("the scan reports the elements of an array, where they were asked for", async () => {
  const { fields } = await scanned(CHAT, { fields: ["messages", "stop"], elements: ["messages"] });
  const { elements, length } = fields.get("messages") ?? { elements: [] };
  const text = elements.map(({ start, end }) => new TextDecoder().decode(bytesOf(CHAT).subarray(start, end)));
  assertEquals(text, ['{"role":"user","content":"hé \\ud83d\\ude00 \\n"}', '{"role":"assistant"}']);
  assertEquals(length, 2);
  assertEquals(fields.get("stop")?.length, 0);
});

Deno.test("elements are those of the array itself, however deep theirs are", async () => {
  const { fields } = await scanned(`{"a":[[1,2],{"a":[3]},"x",[],{}],"b":{"c":[1]}}`, {
    fields: ["a", "b"],
    elements: ["a", "b"],
  });
  assertEquals(fields.get("a")?.elements.length, 5);
  assertEquals(fields.get("a")?.hasNumbers, false);
  assertEquals({ ...fields.get("b"), length: fields.get("b")?.length }.elements, []);
});

for (const name of ["model", "mod\\u0065l", "\\u006d\\u006f\\u0064\\u0065\\u006C", "\\u006Dodel"]) {
  Deno.test(`a field is found by the name ${name}`, async () => {
    const { fields } = await scanned(`{"${name}":"x"}`, { fields: ["model"] });
    assertEquals([...fields.keys()], ["model"]);
  });
}

for (const name of ["model\\n", "model\\u0000", "Model", "modell", "mode", "modelé", "mod\\/el", "", "m\\u00f6del"]) {
  Deno.test(`a field is not taken for model by the name "${name}"`, async () => {
    assertEquals((await scanned(`{"${name}":1,"x":{"model":1}}`, { fields: ["model"] })).fields.size, 0);
  });
}

Deno.test("a field that was asked for is refused where it comes again, in whatever disguise", async () => {
  const fields = ["model", "stream", "n", "id_slot"];
  await assertRefused(`{"n":1,"n":1}`, "n is given twice, again at byte 7; send it once", { fields });
  await assertRefused(
    `{"stream":1,"x":2,"stre\\u0061m":1}`,
    "stream is given twice, again at byte 18; send it once",
    { fields },
  );
  await scanned(`{"n":1,"x":{"n":1},"x":2,"y":[{"n":3}]}`, { fields });
});

for (
  const [body, message] of [
    ["", "the body is empty; send a JSON object"],
    [" \n", "the body is empty; send a JSON object"],
    ["[1]", "the body must be a JSON object"],
    ["null", "the body must be a JSON object"],
    ["{} x", "the body is not valid JSON at byte 3: nothing may follow the object"],
    ["{}{}", "the body is not valid JSON at byte 2: nothing may follow the object"],
    [`{"a":`, "the body is not valid JSON at byte 5 in a: it ends too early"],
    [`{"a":1,}`, "the body is not valid JSON at byte 7 in a: expected a name in double quotes"],
    [`{"a":[1,]}`, "the body is not valid JSON at byte 8 in a: expected a value"],
    [`{"a":1 "b":2}`, "the body is not valid JSON at byte 7 in a: expected ',' or '}'"],
    [`{"a":[1}}`, "the body is not valid JSON at byte 7 in a: expected ',' or ']'"],
    [`{"a" 1}`, "the body is not valid JSON at byte 5 in a: expected ':'"],
    [`{"a":01}`, "the body is not valid JSON at byte 6 in a: expected ',' or '}'"],
    [`{"a":-}`, "the body is not valid JSON at byte 6 in a: expected a digit"],
    [`{"a":1.}`, "the body is not valid JSON at byte 7 in a: expected a digit"],
    [`{"a":"\\x"}`, "the body is not valid JSON at byte 6 in a: invalid escape"],
    [`{"a":"\\u12g4"}`, "the body is not valid JSON at byte 6 in a: invalid escape"],
    [`{"a":"\n"}`, "the body is not valid JSON at byte 6 in a: invalid UTF-8, or a control character in a string"],
    [`{"a":nul}`, "the body is not valid JSON at byte 5 in a: expected a value"],
  ] as const
) {
  Deno.test(`the body ${JSON.stringify(body)} is refused with its fault and place`, async () => {
    await assertRefused(body, message);
  });
}

Deno.test("the name in a message stays a short line, whatever the client called the field", async () => {
  const result = await scan(`{"${"\\n".repeat(1_000)}":x}`);
  assert(!result.ok && result.message.length < 200 && !result.message.includes("\n"));
});

Deno.test("a body that is cut off anywhere is refused", async () => {
  const bytes = bytesOf(CHAT);
  for (let length = 0; length < bytes.length; length++) {
    assertEquals((await scan(bytes.subarray(0, length))).ok, false, `cut after ${length} bytes`);
  }
  assertEquals((await scan(bytes)).ok, true);
});

Deno.test("a byte order mark at the start is skipped, as llama-server skips it", async () => {
  assertEquals((await scanned(`\ufeff{"a":1}`)).open, 4);
  assertEquals((await scan(` \ufeff{"a":1}`)).ok, false);
});

Deno.test("lone surrogates as escapes pass, as JSON.parse lets them; in UTF-8 they do not", async () => {
  assertEquals((await scan(`{"a":"\\ud800"}`)).ok, true);
  assertEquals((await scan(Uint8Array.of(...bytesOf(`{"a":"`), 0xed, 0xa0, 0x80, ...bytesOf(`"}`)))).ok, false);
});

Deno.test("numbers of any length and size pass", async () => {
  await scanned(`{"a":${"9".repeat(10_000)}.${"0".repeat(10_000)}1e-${"9".repeat(400)},"b":-0,"c":0.0E+00}`);
});

Deno.test("nesting is counted from the body itself and refused beyond the limit", async () => {
  await scanned(`{"a":[[]]}`, { maxDepth: 3 });
  await assertRefused(
    `{"x":1,"messages":[[[]]]}`,
    "the body is nested deeper than 3 levels in messages (--max-json-depth)",
    { maxDepth: 3 },
  );
  assertEquals((await scan(`{"a":${"[".repeat(1_000_000)}`, { maxDepth: 32 })).ok, false);
});

Deno.test("a body of as many values as allowed passes, one more is refused", async () => {
  await scanned(`{"a":[1,{"b":2}]}`, { maxValues: 5 });
  await assertRefused(
    `{"a":[1,{"b":2}],"c":3}`,
    "the body has more than 5 JSON values in c; send it in several requests",
    { maxValues: 5 },
  );
  const most = `{"a":[${"0,".repeat(99_997)}0]}`;
  await scanned(most);
  assertEquals((await scan(most.replace("0]", "0,0]"))).ok, false);
});

for (
  const [what, prefix, unit, suffix] of [
    ["one string", `{"a":"`, "x", `"}`],
    ["escapes", `{"a":"`, "\\u0041", `"}`],
    ["characters of three bytes", `{"a":"`, "中", `"}`],
    ["one number", `{"a":`, "7", "}"],
    ["white space", "{", " ", "}"],
    ["small values", `{"a":[`, "{},", "{}]}"],
  ] as const
) {
  Deno.test(`a body of ${what} is scanned in turns of 256 KiB, each of which may be the last`, async () => {
    const size = 4 * BYTES_PER_TURN + 100;
    const body = bytesOf(prefix + unit.repeat(Math.floor((size - 20) / bytesOf(unit).length)) + suffix);
    let turns = 0;
    const turn = () => Promise.resolve(void turns++);
    await scanned(body, { maxValues: Infinity, turn });
    assertEquals(turns, 4);
    const left = new AbortController();
    const reason = new Error("the client left");
    const leave = () => Promise.resolve(left.abort(reason));
    const aborted = scan(body, { maxValues: Infinity, turn: leave, signal: left.signal });
    assertEquals(await assertRejects(() => aborted), reason);
  });
}

Deno.test("a small body is scanned in one turn", async () => {
  await scanned(CHAT, { turn: () => Promise.reject(new Error("took another turn")) });
});

Deno.test("others have their turn while a long body is scanned", async () => {
  let others = 0;
  const count = () => void others++;
  for (let i = 0; i < 3; i++) setImmediate(count);
  await scanned(`{"a":"${"x".repeat(4 * BYTES_PER_TURN)}"}`);
  assertEquals(others, 3);
});
