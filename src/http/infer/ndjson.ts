import type { ModeldError } from "../../errors.ts";
import type { Completion } from "../../llama/adapter.ts";
import { errorBody } from "../error_reply.ts";
import type { AnswerText } from "./answer_text.ts";

/** A line for each fragment. */
export function tokenLines(fragments: readonly string[]): string {
  let lines = "";
  for (const fragment of fragments) lines += `{"token":${JSON.stringify(fragment)}}\n`;
  return lines;
}

const utf8 = new TextEncoder();

/** What stands in front of the text in the last line. */
const BEFORE_CONTENT = '{"done":true,"content":"';

/** The last line of a stream that ended well, as bytes in pieces: its text may be long. */
export function finalLine(
  content: AnswerText,
  { finishReason, usage, timings }: Completion,
): readonly Uint8Array<ArrayBuffer>[] {
  const text = content.end();
  const line = JSON.stringify({
    done: true,
    content: "",
    finish_reason: finishReason,
    usage: {
      prompt_tokens: usage.promptTokens,
      completion_tokens: usage.completionTokens,
      total_tokens: usage.totalTokens,
    },
    timings,
  });
  return [utf8.encode(BEFORE_CONTENT), ...text, utf8.encode(line.slice(BEFORE_CONTENT.length) + "\n")];
}

/** Bytes that are written at once; a client that takes so many is alive. */
const PIECE = 8_192;

/** The same bytes, with short neighbours put together. */
export function inPieces(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer>[] {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (const part of parts) {
    const last = pieces.at(-1);
    if (last !== undefined && last.length + part.length <= PIECE) pieces[pieces.length - 1] = joined(last, part);
    else if (part.length > 0) pieces.push(part);
  }
  return pieces;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** As much of a line as belongs in a log. */
export function shownOf(line: readonly Uint8Array<ArrayBuffer>[]): string {
  const [piece = new Uint8Array(), ...more] = inPieces(line);
  return new TextDecoder().decode(piece) + (more.length === 0 ? "" : "...");
}

/** The last line of a stream that failed. */
export function errorLine(failure: ModeldError): string {
  return JSON.stringify(errorBody(failure)) + "\n";
}
