import type { ModeldError } from "../../../base/errors.ts";
import type { Completion } from "../../../llama/adapter.ts";
import { errorBody } from "../../error_reply.ts";

/** A line for each fragment. */
export function tokenLines(fragments: readonly string[]): string {
  let lines = "";
  for (const fragment of fragments) lines += `{"token":${JSON.stringify(fragment)}}\n`;
  return lines;
}

/** The last line of a stream that ended well. */
export function finalLine(content: string, { finishReason, usage, timings }: Completion): string {
  return JSON.stringify({
    done: true,
    content,
    finish_reason: finishReason,
    usage: {
      prompt_tokens: usage.promptTokens,
      completion_tokens: usage.completionTokens,
      total_tokens: usage.totalTokens,
    },
    timings,
  }) + "\n";
}

/** The last line of a stream that failed. */
export function errorLine(failure: ModeldError): string {
  return JSON.stringify(errorBody(failure)) + "\n";
}
