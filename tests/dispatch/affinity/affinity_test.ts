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

/** Sends a turn of a conversation, the end of which is the last of these texts; says what was expected of it. */
function converse(affinity: Affinity, texts: readonly string[], cachedBytes: number, answer = "") {
  const prompt = fingerprint(texts);
  const match = affinity.match(prompt);
  affinity.learn(match, cachedBytes);
  affinity.remember(prompt, answer.length);
  return match;
}

Deno.test("a conversation that goes on is expected where its last turn was, with the answer", () => {
  const affinity = new Affinity();
  const [system, question, answer] = [text("system"), text("question"), text("answer").slice(0, 300)];
  converse(affinity, [system, question], 0, answer);
  const next = affinity.match(fingerprint([system, question, answer, text("more")]));
  assertEquals([next.continues, next.bytes, next.expectedBytes, next.historyBytes], [true, 1_280, 1_580, 1_580]);
  // A prompt is never expected to have more in the cache than it has.
  assertEquals(affinity.match(fingerprint([system, question, "no"])).expectedBytes, 1_282);
});

Deno.test("answers that are not found in the cache, as where clients leave out the reasoning, are expected no more", () => {
  const affinity = new Affinity();
  const answer = text("reasoning");
  const kept = Array.from({ length: 20 }, (_, i) => {
    converse(affinity, [text(`system ${i}`)], 0, answer);
    return converse(affinity, [text(`system ${i}`), text("more")], 640, answer).expectedBytes;
  });
  assertEquals([kept[0], kept.at(-1)], [1_280, 640]);
});

Deno.test("where cache_n shows that a conversation was thrown out, it is forgotten, and all that was used no later", () => {
  const affinity = new Affinity();
  const [older, gone, newer] = ["older", "gone", "newer"].map((name) => [text(name), text(`question of ${name}`)]);
  assert(older !== undefined && gone !== undefined && newer !== undefined);
  const expected = (texts: readonly string[]) => affinity.match(fingerprint([...texts, "and on"])).expectedBytes;
  for (const texts of [older, gone, newer]) converse(affinity, texts, 0, "Yes.");
  assertEquals([older, gone, newer].map(expected), [1_284, 1_284, 1_284]);

  const match = affinity.match(fingerprint([...gone, "and on"]));
  affinity.learn(match, 100);
  assertEquals([older, gone, newer].map(expected), [0, 0, 1_284]);
  // What another prompt shares with it is gone as well.
  assertEquals(affinity.match(fingerprint([text("older"), text("another question")])).expectedBytes, 0);

  // This very answer has filled the cache again.
  affinity.remember(fingerprint([...gone, "and on"]), 4);
  assertEquals(affinity.match(fingerprint([...gone, "and on", "Yes.", "more"])).expectedBytes, 1_290);
  assertEquals(expected(older), 0);
  // What it left there is still known: a conversation that moves pushes out those of others.
  const known = affinity.match(fingerprint([...older, "and on"]));
  assertEquals([known.continues, known.historyBytes > 1_280], [true, true]);
});

Deno.test("one that was found, or whose last turn was not answered, shows nothing of the others", () => {
  const affinity = new Affinity();
  converse(affinity, [text("older")], 0, "Yes.");
  converse(affinity, [text("found")], 0, "Yes.");
  affinity.remember(fingerprint([text("cut off")]));
  affinity.learn(affinity.match(fingerprint([text("found"), "more"])), 400);
  affinity.learn(affinity.match(fingerprint([text("cut off"), "more"])), 10);
  assertEquals(affinity.match(fingerprint([text("older"), "more"])).bytes, 640);
  assert(affinity.match(fingerprint([text("older"), "more"])).expectedBytes >= 640);
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
