import { ModeldError } from "../../../src/base/errors.ts";
import type { Completion } from "../../../src/llama/adapter.ts";
import { StreamDecoder } from "../../../src/llama/decoding/stream_decoder.ts";

/** What came out of a decoder: comparable with `assertEquals`. */
export interface Outcome {
  readonly fragments: readonly string[];
  readonly completion?: Completion;
  readonly error?: { readonly kind: string; readonly message: string };
}

/** Decodes an answer that arrives in these pieces and then ends. */
export function decode(pieces: Iterable<Uint8Array>): Outcome {
  const decoder = new StreamDecoder();
  const fragments: string[] = [];
  for (const piece of pieces) {
    const decoded = decoder.push(piece);
    fragments.push(...decoded.fragments);
    if (decoded.end !== undefined) return outcome(fragments, decoded.end);
  }
  const last = decoder.finish();
  if (last.end === undefined) throw new Error("finish() gave no end");
  return outcome([...fragments, ...last.fragments], last.end);
}

/** Decodes an answer that arrives in one piece and then ends. */
export function decodeText(text: string): Outcome {
  return decode([new TextEncoder().encode(text)]);
}

/** The bytes in pieces of at most `size`. */
export function sliced(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += size) pieces.push(bytes.subarray(start, start + size));
  return pieces;
}

function outcome(fragments: readonly string[], end: Completion | ModeldError): Outcome {
  if (!(end instanceof ModeldError)) return { fragments, completion: end };
  return { fragments, error: { kind: end.kind, message: end.message } };
}
