import { assert, assertEquals } from "@std/assert";
import { Affinity } from "../../../src/dispatch/affinity/affinity.ts";
import { fingerprint } from "./texts.ts";

const text = (name: string) => `${name} `.repeat(200).slice(0, 640);

Deno.test("a prompt is expected where it was sent, as far as it is the same", () => {
  const affinity = new Affinity();
  affinity.remember(fingerprint([text("system"), text("question")]));
  const match = affinity.match(fingerprint([text("system"), text("another")]));
  assertEquals([match.bytes, match.expectedBytes], [640, 640]);
  assertEquals(affinity.match(fingerprint([text("other system")])).expectedBytes, 0);
  affinity.clear();
  assertEquals(affinity.match(fingerprint([text("system")])).expectedBytes, 0);
});

Deno.test("a session that is known counts as one block more, whatever its text", () => {
  const affinity = new Affinity();
  affinity.remember(fingerprint([text("one")], "session"));
  assertEquals(affinity.match(fingerprint([text("two")], "session")).expectedBytes, 64);
  assertEquals(affinity.match(fingerprint([text("one")], "session")).expectedBytes, 704);
  assertEquals(affinity.match(fingerprint([text("two")], "another")).expectedBytes, 0);
});

/** Sends a prompt that shares its first message with others; says what was expected of it. */
function share(affinity: Affinity, name: number, isKept: boolean) {
  const prompt = fingerprint([text("shared"), text(`question ${name}`)]);
  const match = affinity.match(prompt);
  affinity.remember(prompt);
  affinity.learn(match, isKept ? 640 : 0);
  return match;
}

Deno.test("a shared prefix is expected as far as it was there before, by how much was computed in between", () => {
  const affinity = new Affinity();
  for (let i = 0; i < 50; i++) share(affinity, i, false);
  assertEquals(share(affinity, 50, false).bytes, 640);
  assert(share(affinity, 51, true).expectedBytes < 10);
  for (let i = 0; i < 200; i++) affinity.remember(fingerprint([text(`something else ${i}`)]));
  assertEquals(share(affinity, 52, true).expectedBytes, 640);
});

Deno.test("a server that was doubted is believed again once it has shown that it keeps a prefix", () => {
  const affinity = new Affinity();
  for (let i = 0; i < 20; i++) share(affinity, i, false);
  for (let i = 20; i < 60; i++) share(affinity, i, true);
  assert(share(affinity, 60, true).expectedBytes > 600);
});

Deno.test("a conversation is expected in full where its last turn was, whatever was there last time", () => {
  const affinity = new Affinity();
  const history = [text("system")];
  for (let turn = 0; turn < 10; turn++) {
    const match = affinity.match(fingerprint([...history, text(`turn ${turn}`)]));
    assertEquals([match.continues, match.expectedBytes], turn === 0 ? [false, 0] : [true, history.length * 640]);
    history.push(text(`turn ${turn}`));
    affinity.remember(fingerprint(history));
    affinity.learn(match, 0);
  }
});

Deno.test("what was found before is found again without a search, until something changes", () => {
  const affinity = new Affinity();
  const prompt = fingerprint([text("one")]);
  const nothing = affinity.match(prompt);
  assertEquals(affinity.match(prompt, nothing) === nothing, true);
  affinity.remember(prompt);
  const found = affinity.match(prompt, nothing);
  assertEquals([found.expectedBytes, affinity.match(prompt, found) === found], [640, true]);
  affinity.clear();
  assertEquals(affinity.match(prompt, found).expectedBytes, 0);
});
