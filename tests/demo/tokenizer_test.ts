import { assertEquals } from "@std/assert";
import { Tokenizer, tokenKinds } from "../../src/demo/tokenizer.ts";

const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
const words = ["▁a", "ab", "▁ab", "▁", "a", "b", "bc", "c"];
const pieces = ["<unk>", "<s>", "</s>", ...bytes, ...words];
const tokenizer = new Tokenizer({
  pieces,
  // The later a word stands in the list, the lower is its score.
  scores: pieces.map((_, id) => -id),
  kinds: pieces.map((piece, id) =>
    id === 0
      ? tokenKinds.unknown
      : id < 3
      ? tokenKinds.control
      : words.includes(piece)
      ? tokenKinds.normal
      : tokenKinds.byte
  ),
  bos: 1,
  eos: 2,
});

const read = (text: string) => tokenizer.encode(text).map((token) => pieces[token]);

function decode(tokens: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(tokens.flatMap((token) => [...tokenizer.bytes(token)])));
}

Deno.test("a text begins with the token for that and a space", () => {
  assertEquals(read("a"), ["<s>", "▁a"]);
  assertEquals(read(""), ["<s>"]);
});

Deno.test("the neighbours with the highest score are joined first, of equal ones the left", () => {
  assertEquals(read("abc"), ["<s>", "▁ab", "c"]);
  assertEquals(read("bbc"), ["<s>", "▁", "b", "bc"]);
  assertEquals(read("b abab"), ["<s>", "▁", "b", "▁ab", "ab"]);
});

Deno.test("every space counts, and what is in no piece becomes its bytes", () => {
  assertEquals(read("a  a "), ["<s>", "▁a", "▁", "▁a", "▁"]);
  assertEquals(read("é\n"), ["<s>", "▁", "<0xC3>", "<0xA9>", "<0x0A>"]);
});

Deno.test("the bytes of a text's tokens are the text, after one space", () => {
  for (const text of ["abc", " a", "Zürich 𝄞", "a\nb\u0000", "<s>"]) {
    assertEquals(decode(tokenizer.encode(text)), ` ${text}`);
  }
});

Deno.test("a text has at least as many tokens as its length says", () => {
  for (const text of ["ababab", "a a a a", "𝄞𝄞"]) {
    const { length } = tokenizer.encode(text);
    assertEquals(tokenizer.fewest(text) <= length, true);
  }
});
