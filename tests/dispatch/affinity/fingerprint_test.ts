import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Fingerprint } from "../../../src/dispatch/affinity/fingerprint.ts";
import { fingerprint, hashes, shared } from "./texts.ts";

const HISTORY = ["You are helpful. ".repeat(9), "What is 2 + 2?", "4"];

Deno.test("a history that has grown keeps all its blocks", () => {
  const before = fingerprint(HISTORY);
  const after = fingerprint([...HISTORY, "And 3 + 3?"]);
  assertEquals(shared(before, after), before.count);
  assertEquals(after.count, before.count + 1);
  assertEquals(after.bytes, before.bytes + "And 3 + 3?".length);
});

Deno.test("every byte counts, and everything before it", () => {
  const text = "x".repeat(200);
  fc.assert(fc.property(fc.nat(199), (place) => {
    const changed = fingerprint([text.slice(0, place) + "y" + text.slice(place + 1)]);
    assertEquals(shared(fingerprint([text]), changed), Math.floor(place / 64));
    assert(hashes(changed)[3] !== hashes(fingerprint([text]))[3]);
  }));
});

Deno.test("where a message ends, a block ends", () => {
  assertEquals(fingerprint(["a".repeat(65), "b"]).count, 3);
  assertEquals(shared(fingerprint(["ab", "c"]), fingerprint(["a", "bc"])), 0);
  assertEquals([0, 1, 2, 3].map((blocks) => fingerprint(["a".repeat(65), "b"]).bytesOf(blocks)), [0, 64, 65, 66]);
});

Deno.test("a part of a body is hashed as if it stood alone", () => {
  const bytes = new TextEncoder().encode(`{"prompt":"${"tell me ".repeat(20)}"}`);
  const part = new Fingerprint([{ bytes, start: 11, end: bytes.length - 2 }]);
  assertEquals(hashes(part), hashes(fingerprint(["tell me ".repeat(20)])));
});

Deno.test("different prompts have different blocks", () => {
  const seen = new Set(Array.from({ length: 100_000 }, (_, i) => hashes(fingerprint([`prompt ${i}`]))[0]));
  assertEquals(seen.size, 100_000);
});

Deno.test("an image is one block, by its content", () => {
  const image = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    return new Fingerprint([{ bytes, start: 0, end: bytes.length, media: true }]);
  };
  const [cat, dog] = [image("cat".repeat(1_000)), image("dog".repeat(1_000))];
  assertEquals([cat.count, cat.bytes], [1, 64]);
  assertEquals([shared(cat, image("cat".repeat(1_000))), shared(cat, dog)], [1, 0]);
});

for (
  const [where, system] of Object.entries({
    "its own line": (value: string) => `x-anthropic-billing-header: ${value}\nYou are helpful.`,
    "a JSON string that goes on": (value: string) => `{"text":"x-anthropic-billing-header: a\\"${value}\\nYou are"}`,
    "a JSON string": (value: string) => `{"text":"x-anthropic-billing-header: ${value};"},{"text":"You are helpful."}`,
  })
) {
  Deno.test(`a billing header in ${where} is left out, and nothing else`, () => {
    assertEquals(hashes(fingerprint([system("cch=1")])), hashes(fingerprint([system("cch=4711")])));
    const other = fingerprint([system("cch=1").replace("You are", "We are")]);
    assert(shared(fingerprint([system("cch=1")]), other) < other.count);
  });
}

Deno.test("a session key is a block of its own and leaves those of the text alone", () => {
  const [a, b] = [fingerprint(HISTORY, "a"), fingerprint(HISTORY, "b")];
  assertEquals(hashes(a), hashes(fingerprint(HISTORY)));
  assert(a.session?.low !== b.session?.low);
  assertEquals(a.session, fingerprint([], "a").session);
});

Deno.test("of a very long prompt the first two megabytes are looked at", () => {
  const long = fingerprint(["z".repeat(3_000_000)]);
  assertEquals([long.count, long.bytes], [32_768, 3_000_000]);
  assertEquals(long.bytesOf(long.count), 2_097_152);
});
