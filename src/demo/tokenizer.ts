/** GGUF's numbers for what a token is. */
export const tokenKinds = Object.freeze({ normal: 1, unknown: 2, control: 3, byte: 6 });

/** What a GGUF file says of its vocabulary, token by token. */
export interface Vocabulary {
  readonly pieces: readonly string[];
  readonly scores: ArrayLike<number>;
  readonly kinds: ArrayLike<number>;
  readonly bos: number;
  readonly eos: number;
}

/** Stands for a space in a piece. */
const SPACE = "▁";
const utf8 = new TextEncoder();
const nothing = new Uint8Array();

/**
 * A vocabulary of SentencePiece's kind, as llama.cpp reads it: of all neighbours that form a piece, those with the highest
 * score are joined first; characters that are in no piece become their bytes.
 */
export class Tokenizer {
  readonly bos: number;
  readonly eos: number;
  readonly #scores: ArrayLike<number>;
  readonly #idOf = new Map<string, number>();
  readonly #byteIds: number[] = [];
  readonly #bytes: Uint8Array[];
  readonly #longest: number;

  constructor({ pieces, scores, kinds, bos, eos }: Vocabulary) {
    this.bos = bos;
    this.eos = eos;
    this.#scores = scores;
    for (const [id, piece] of pieces.entries()) {
      if (kinds[id] === tokenKinds.normal) this.#idOf.set(piece, id);
      if (kinds[id] === tokenKinds.byte) this.#byteIds[byteOf(piece)] = id;
    }
    this.#bytes = pieces.map((piece, id) => {
      if (kinds[id] === tokenKinds.byte) return Uint8Array.of(byteOf(piece));
      return kinds[id] === tokenKinds.normal ? utf8.encode(piece.replaceAll(SPACE, " ")) : nothing;
    });
    this.#longest = this.#bytes.reduce((longest, bytes) => Math.max(longest, bytes.length), 1);
  }

  /** The tokens of a text, after the one that begins every text. */
  encode(text: string): number[] {
    const tokens = [this.bos];
    if (text === "") return tokens;
    // No piece has a space behind something else, so words can be taken one by one.
    for (const word of ` ${text}`.replaceAll(" ", SPACE).match(WORD) ?? []) tokens.push(...this.#encodeWord(word));
    return tokens;
  }

  /** What a token adds to a text: UTF-8, which may begin or end within a character. */
  bytes(token: number): Uint8Array {
    return this.#bytes[token] ?? nothing;
  }

  /** How many tokens there are. */
  get size(): number {
    return this.#bytes.length;
  }

  /** How many tokens a text has at least; takes next to no time. */
  fewest(text: string): number {
    return Math.ceil(text.length / this.#longest);
  }

  #encodeWord(word: string): number[] {
    const parts = [...word];
    while (true) {
      const best = this.#bestPair(parts);
      if (best === -1) break;
      parts.splice(best, 2, `${parts[best]}${parts[best + 1]}`);
    }
    return parts.flatMap((part) => this.#idOf.get(part) ?? this.#encodeBytes(part));
  }

  /** Where the two neighbours stand that are to be joined next; -1 where there are none. */
  #bestPair(parts: readonly string[]): number {
    let best = -1;
    let bestScore = -Infinity;
    for (let at = 0; at + 1 < parts.length; at++) {
      const id = this.#idOf.get(`${parts[at]}${parts[at + 1]}`);
      const score = id === undefined ? -Infinity : this.#scores[id] ?? -Infinity;
      if (score > bestScore) {
        best = at;
        bestScore = score;
      }
    }
    return best;
  }

  #encodeBytes(part: string): number[] {
    return Array.from(utf8.encode(part), (byte) => this.#byteIds[byte] ?? 0);
  }
}

/** Spaces and what follows them up to the next space. */
const WORD = /▁*[^▁]+|▁+/gu;

function byteOf(piece: string): number {
  return Number(piece.slice(1, -1));
}
