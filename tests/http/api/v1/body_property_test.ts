import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { spliceBody } from "../../../../src/http/api/v1/body_splice.ts";
import { jsonObjects } from "./json_sources.ts";
import { bytesOf, scan, scanned } from "./scan.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** What JSON.parse makes of the bytes; undefined where they are no JSON object in UTF-8. */
function parsed(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch (error) {
    // A SyntaxError of the parser, a TypeError of the decoder: both mean that the bytes are no such thing.
    assert(error instanceof SyntaxError || error instanceof TypeError);
    return undefined;
  }
}

Deno.test("any JSON object is accepted, and its fields are where JSON.parse finds them", async () => {
  await fc.assert(
    fc.asyncProperty(jsonObjects, async ({ text, members }) => {
      const names = [...new Set(members.map(({ name }) => name))].filter((name) => /^\w+$/.test(name));
      const result = await scan(text, { fields: names });
      const counts = names.map((name) => members.filter((member) => member.name === name).length);
      assertEquals(result.ok, counts.every((count) => count === 1));
      if (!result.ok) return;
      const bytes = bytesOf(text);
      const whole = parsed(bytes);
      assertEquals(result.fieldCount, members.length);
      assertEquals([...result.fields.keys()], names);
      for (const [name, { start, end }] of result.fields) {
        assertEquals(JSON.parse(utf8.decode(bytes.subarray(start, end))), whole?.[name]);
      }
    }),
    { numRuns: 500 },
  );
});

const spoiledBytes = fc.tuple(
  jsonObjects,
  fc.array(
    fc.record({
      at: fc.nat(),
      removed: fc.nat(2),
      put: fc.oneof(
        fc.constantFrom(...Array.from('{}[],:"\\ 0123456789eE+-.tfnu\n\u0000', (character) => character.charCodeAt(0))),
        fc.integer({ min: 0, max: 255 }),
      ).chain((byte) => fc.constantFrom([], [byte])),
    }),
    { minLength: 1, maxLength: 3 },
  ),
).map(([{ text }, edits]) => {
  const bytes = Array.from(bytesOf(text));
  for (const { at, removed, put } of edits) bytes.splice(at % (bytes.length + 1), removed, ...put);
  return Uint8Array.from(bytes);
});

Deno.test("a body with spoiled bytes is accepted where JSON.parse accepts it, and nowhere else", async () => {
  let accepted = 0;
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(spoiledBytes, async (bytes) => {
      const expected = parsed(bytes) !== undefined;
      assertEquals((await scan(bytes)).ok, expected);
      runs++;
      if (expected) accepted++;
    }),
    { numRuns: 5_000 },
  );
  assert(
    accepted > runs / 50 && accepted < runs * 0.98,
    `${accepted} of ${runs} were valid: the test sees one side only`,
  );
});

Deno.test("any two or three bytes in a string are accepted where they are UTF-8", async () => {
  const [before, behind] = [bytesOf(`{"a":"`), bytesOf(`"}`)];
  for (let first = 0x7f; first <= 0xff; first++) {
    for (const second of [0x20, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]) {
      for (const rest of [[], [0x80], [0xbf, 0xbf], [0x80, 0x41], [0xbf, 0xbf, 0x80]]) {
        const bytes = Uint8Array.of(...before, first, second, ...rest, ...behind);
        assertEquals((await scan(bytes)).ok, parsed(bytes) !== undefined, `${[first, second, ...rest]}`);
      }
    }
  }
});

const FIELDS = { fields: ["model", "id_slot", "stream"] };

Deno.test("a body in which nothing changes is the same array", async () => {
  await fc.assert(fc.asyncProperty(jsonObjects, async ({ text, members }) => {
    const bytes = bytesOf(text);
    const result = await scan(bytes, FIELDS);
    fc.pre(result.ok);
    const absent = ["id_slot", "stream"].filter((name) => members.every((member) => member.name !== name));
    assert(spliceBody(bytes, result, { omit: absent }) === bytes);
  }));
});

Deno.test("a changed body is equal but for the change, and every other member is byte for byte as it was", async () => {
  const changes = fc.record({
    model: fc.option(fc.string({ unit: "binary" }), { nil: undefined }),
    omit: fc.subarray(["id_slot", "stream"]),
  });
  await fc.assert(
    fc.asyncProperty(jsonObjects, changes, async ({ text, members }, { model, omit }) => {
      const bytes = bytesOf(text);
      const result = await scan(bytes, FIELDS);
      fc.pre(result.ok);
      const spliced = spliceBody(bytes, result, { model, omit });

      const original = parsed(bytes) ?? {};
      // V8 reads the key `"` as `\\` once it has parsed an object with that one, so its result is no measure for such keys.
      const isRight = (value: object): boolean =>
        !text.includes("\\") || members.every(({ name }) => omit.includes(name) || Object.hasOwn(value, name));
      fc.pre(isRight(original));
      const expected = new Map(Object.entries(original));
      for (const name of omit) expected.delete(name);
      if (model !== undefined) expected.set("model", model);
      const present = parsed(spliced) ?? {};
      fc.pre(isRight(present));
      assertEquals(new Map(Object.entries(present)), expected);

      const kept = members.filter(({ name }) => !omit.includes(name) && (name !== "model" || model === undefined));
      const output = utf8.decode(spliced);
      let at = 0;
      for (const member of kept) {
        const found = output.indexOf(member.text, at);
        assert(found >= at, `${member.text} is not in ${output} behind ${at}`);
        at = found + member.text.length;
      }
      await scanned(spliced, FIELDS);
    }),
    { numRuns: 2_000 },
  );
});
