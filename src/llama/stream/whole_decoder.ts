import { ModeldError } from "../../base/errors.ts";
import { isJsonObject, type JsonObject, parseJson } from "../../base/json.ts";
import type { Completion } from "../exchange.ts";
import { CompletionReader } from "./completion.ts";
import { type Decoded, DecodedBatch, type Decoder, type LastDecoded } from "./decoder.ts";

/** Hands on an answer that is not a stream, piece by piece. */
export class WholeDecoder implements Decoder {
  readonly isFinished = false;
  readonly #answer = new WholeAnswer();

  get completion(): Completion {
    return this.#answer.completion;
  }

  push(bytes: Uint8Array): Decoded {
    this.#answer.add(bytes);
    return { batch: new DecodedBatch(bytes, []) };
  }

  finish(cut?: ModeldError): LastDecoded {
    if (cut !== undefined) return { end: cut };
    if (this.#answer.isClosed) return { end: this.completion };
    return {
      end: new ModeldError("truncated", "llama-server ended its answer before it was finished"),
    };
  }
}

/** How much of a whole answer's beginning and end is kept, in bytes. Embeddings have their usage in front of the vectors. */
const HEAD_SIZE = 4 * 1024;
const TAIL_SIZE = 64 * 1024;

/** Keeps the beginning and the end of a whole answer while it is passed on, and reads from them what it says of itself. */
class WholeAnswer {
  #kept = new Uint8Array(HEAD_SIZE);
  #keptLength = 0;
  #length = 0;

  /** Takes the next piece of the body. */
  add(piece: Uint8Array): void {
    this.#length += piece.length;
    if (piece.length > TAIL_SIZE) {
      const room = Math.max(0, HEAD_SIZE - this.#keptLength);
      this.#keep(piece.subarray(0, room));
      piece = piece.subarray(Math.max(room, piece.length - TAIL_SIZE));
    }
    this.#keep(piece);
  }

  /** Whether the body, if it is JSON, has its last bracket. A body without a length that was cut ends as if it were whole. */
  get isClosed(): boolean {
    const text = this.#text().trim();
    if (text.startsWith("{")) return text.endsWith("}");
    return !text.startsWith("[") || text.endsWith("]");
  }

  get completion(): Completion {
    const reader = new CompletionReader();
    const text = this.#text();
    const value = this.#length === this.#keptLength ? parseJson(text) : partsOf(text);
    for (const answer of Array.isArray(value) ? value.slice(0, 256) : [value]) {
      if (isJsonObject(answer)) reader.add(answer);
    }
    return reader.completion;
  }

  #keep(piece: Uint8Array): void {
    const limit = HEAD_SIZE + 2 * TAIL_SIZE;
    if (this.#keptLength + piece.length > limit) {
      const tail = Math.min(TAIL_SIZE, this.#keptLength - HEAD_SIZE);
      this.#kept.copyWithin(HEAD_SIZE, this.#keptLength - tail, this.#keptLength);
      this.#keptLength = HEAD_SIZE + tail;
    }
    const needed = this.#keptLength + piece.length;
    if (needed > this.#kept.length) {
      const larger = new Uint8Array(Math.min(limit, Math.max(needed, 2 * this.#kept.length)));
      larger.set(this.#kept.subarray(0, this.#keptLength));
      this.#kept = larger;
    }
    this.#kept.set(piece, this.#keptLength);
    this.#keptLength = needed;
  }

  #text(): string {
    return new TextDecoder().decode(this.#kept.subarray(0, this.#keptLength));
  }
}

/** The fields that can be read from an answer of which the middle is missing. Within strings quotes are escaped, so no text is taken for a field. */
function partsOf(text: string): JsonObject {
  const word = /"(?:finish_reason|stop_reason|stop_type)":\s*"([^"\\]{1,256})"/.exec(text)?.[1];
  const predicted = /"tokens_predicted":\s*(\d{1,10})/.exec(text)?.[1];
  const evaluated = /"tokens_evaluated":\s*(\d{1,10})/.exec(text)?.[1];
  return {
    ...(word === undefined ? {} : { choices: [{ finish_reason: word }] }),
    ...flatObject(text, "usage"),
    ...flatObject(text, "timings"),
    ...(predicted === undefined ? {} : { stop: true, tokens_predicted: Number(predicted) }),
    ...(evaluated === undefined ? {} : { tokens_evaluated: Number(evaluated) }),
  };
}

/** The last field of this name that is an object, with at most one level of objects in it. */
function flatObject(text: string, name: string): JsonObject {
  const at = text.lastIndexOf(`"${name}":`);
  const object = at < 0 ? null : /^\{(?:[^{}]|\{[^{}]*\})*\}/.exec(text.slice(at + name.length + 3).trimStart());
  return object === null ? {} : { [name]: parseJson(object[0]) };
}
