import { tokenKinds, type Vocabulary } from "../../src/demo/tokenizer.ts";

const UNKNOWN = "<unk>";
const BEGIN = "<s>";
const END = "</s>";

/**
 * Makes a vocabulary by byte-pair encoding: every printable ASCII character and every byte is a token, and then the two
 * neighbours that are seen most often are joined, again and again, until there are `size` tokens. The earlier a piece was
 * made, the higher is its score, so that tokenizing joins in the same order.
 */
export function makeVocabulary(texts: Iterable<string>, size: number): Vocabulary {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const characters = ["▁", ...Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index))];
  const fixed = [UNKNOWN, BEGIN, END, ...bytes];
  const joined = joinPairs(countWords(texts), size - fixed.length - characters.length);
  const pieces = [...fixed, ...joined, ...characters];
  const { unknown, control, byte, normal } = tokenKinds;
  return {
    pieces,
    scores: pieces.map((_, id) => id < fixed.length ? 0 : fixed.length - id - 1),
    kinds: pieces.map((_, id) => id === 0 ? unknown : id < 3 ? control : id < fixed.length ? byte : normal),
    bos: 1,
    eos: 2,
  };
}

/** A word as it is divided at present, and how often it was seen. */
interface Word {
  parts: string[];
  readonly count: number;
}

/** Words with the space before them; what is no letter stands alone, so that no piece mixes the two. */
function countWords(texts: Iterable<string>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const word of ` ${text}`.replaceAll(" ", "▁").match(/▁?[A-Za-z]+|▁?[!-~]/g) ?? []) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return Array.from(counts, ([word, count]) => ({ parts: [...word], count }));
}

function joinPairs(words: readonly Word[], joins: number): string[] {
  const joined: string[] = [];
  const seen = new Set<string>();
  while (joined.length < joins) {
    const [left, right] = mostFrequentPair(words);
    const piece = left + right;
    for (const word of words) word.parts = joinIn(word.parts, left, right);
    // Two ways to the same piece make one piece.
    if (!seen.has(piece)) joined.push(piece);
    seen.add(piece);
  }
  return joined;
}

/** The most frequent neighbours; of several the first by their text, so that the order of the words does not matter. */
function mostFrequentPair(words: readonly Word[]): [string, string] {
  const counts = new Map<string, number>();
  for (const { parts, count } of words) {
    for (let at = 0; at + 1 < parts.length; at++) {
      const pair = `${parts[at]} ${parts[at + 1]}`;
      counts.set(pair, (counts.get(pair) ?? 0) + count);
    }
  }
  let best = "";
  let most = 0;
  for (const [pair, count] of counts) {
    if (count > most || (count === most && pair < best)) [best, most] = [pair, count];
  }
  const [left, right] = best.split(" ");
  if (left === undefined || right === undefined) throw new Error("the texts have too few words for such a vocabulary");
  return [left, right];
}

function joinIn(parts: readonly string[], left: string, right: string): string[] {
  const result: string[] = [];
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at] ?? "";
    if (part === left && parts[at + 1] === right) {
      result.push(left + right);
      at++;
    } else {
      result.push(part);
    }
  }
  return result;
}
