import { ModeldError } from "../../../src/base/errors.ts";
import type { Completion, EventBatch } from "../../../src/llama/exchange.ts";
import { Failures } from "../../../src/llama/failures.ts";
import { EventDecoder } from "../../../src/llama/stream/event_decoder.ts";

/** What came out of a decoder: comparable with `assertEquals`. */
export interface Outcome {
  readonly fragments: readonly string[];
  readonly completion?: Completion;
  readonly error?: { readonly kind: string; readonly message: string };
}

/** What came out of a decoder whose bytes are passed on and whose views are not asked for. */
export interface PassedOn {
  readonly text: string;
  readonly kinds: readonly string[];
  readonly completion?: Completion;
  readonly error?: { readonly kind: string; readonly message: string };
}

/** A decoder of an answer with so many choices. */
export function newDecoder(choices = 1): EventDecoder {
  const failures = new Failures();
  failures.hide("s3cret");
  return new EventDecoder({ failures, choices, onMisread: () => {} });
}

/** Decodes an answer that arrives in these pieces and then ends, and reads every view. */
export function decode(pieces: Iterable<Uint8Array>, choices = 1): Outcome {
  const fragments: string[] = [];
  try {
    const end = feed(pieces, choices, (batch) => {
      for (const { view } of batch.events) if (view.text !== "") fragments.push(view.text);
    });
    return { fragments, ...endingOf(end) };
  } catch (error) {
    if (error instanceof ModeldError) return { fragments, ...endingOf(error) };
    throw error;
  }
}

/** Decodes an answer that arrives in these pieces and then ends, and reads no view. */
export function passOn(pieces: Iterable<Uint8Array>, choices = 1): PassedOn {
  const bytes: Uint8Array<ArrayBuffer>[] = [];
  const kinds: string[] = [];
  const end = feed(pieces, choices, (batch) => {
    bytes.push(batch.bytes.slice());
    kinds.push(...batch.events.map(({ kind }) => kind));
  });
  return { text: new TextDecoder().decode(concat(bytes)), kinds, ...endingOf(end) };
}

/** Decodes an answer that arrives in one piece and then ends. */
export function decodeText(text: string, choices = 1): Outcome {
  return decode([new TextEncoder().encode(text)], choices);
}

/** The bytes in pieces of at most `size`. */
export function sliced(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += size) pieces.push(bytes.subarray(start, start + size));
  return pieces;
}

/** A recorded answer of a real llama-server. */
export function recording(name: string): Uint8Array {
  return Deno.readFileSync(new URL(`../recordings/${name}`, import.meta.url));
}

/** Gives each piece to a decoder in a buffer that is spoiled before the next, as a recycled one is. */
function feed(
  pieces: Iterable<Uint8Array>,
  choices: number,
  take: (batch: EventBatch) => void,
): Completion | ModeldError {
  const decoder = newDecoder(choices);
  for (const piece of pieces) {
    const buffer = piece.slice();
    const { batch, end } = decoder.push(buffer);
    if (batch !== undefined) take(batch);
    if (end !== undefined) return end;
    buffer.fill(0);
  }
  const { batch, end } = decoder.finish();
  if (batch !== undefined) take(batch);
  return end;
}

function endingOf(end: Completion | ModeldError): Omit<Outcome, "fragments"> {
  if (!(end instanceof ModeldError)) return { completion: end };
  return { error: { kind: end.kind, message: end.message } };
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
