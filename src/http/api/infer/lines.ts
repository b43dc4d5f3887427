import { ModeldError } from "../../../base/errors.ts";
import type { Completion, EventBatch } from "../../../llama/exchange.ts";
import { errorBody } from "../../error_reply.ts";
import type { Encoder } from "../../reply/encoder.ts";

/** How the lines of one reply are to look. */
export interface LineOptions {
  /** False: the final line alone. */
  readonly tokens: boolean;
  /** Whether the client wants the reasoning, a line for each piece. */
  readonly reasoning: boolean;
  /** Text of an answer, in characters, before it is ended as too large. */
  readonly maxAnswer: number;
  /** Called with the lines as they leave, where the request is logged at debug. */
  readonly onLines?: ((lines: string) => void) | undefined;
}

const utf8 = new TextEncoder();

/** The NDJSON lines of `POST /infer`: one for each fragment, then one final or one error line. */
export class LineEncoder implements Encoder {
  readonly contentType = "application/x-ndjson";
  readonly #options: LineOptions;
  #lines = "";
  #content = "";
  #reasoningChars = 0;
  /** Characters of text and reasoning so far. */
  #size = 0;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#lines.length;
  }

  add({ events }: EventBatch): number {
    let fragments = 0;
    for (const event of events) {
      if (event.kind === "comment") continue;
      const { text, reasoning, isToolCall } = event.view;
      if (isToolCall) {
        throw new ModeldError("protocol", "adapter generate: llama-server sent a tool call; use /v1/chat/completions");
      }
      this.#size += text.length + reasoning.length;
      if (reasoning !== "") {
        fragments++;
        this.#addReasoning(reasoning);
      }
      if (text === "") continue;
      fragments++;
      if (this.#options.tokens) this.#lines += `{"token":${JSON.stringify(text)}}\n`;
      this.#content += text;
    }
    const { maxAnswer } = this.#options;
    if (this.#size > maxAnswer) throw answerTooLarge(maxAnswer);
    return fragments;
  }

  end({ finishReason, usage, timings }: Completion): void {
    this.#lines += JSON.stringify({
      done: true,
      content: this.#content,
      finish_reason: finishReason,
      usage: {
        prompt_tokens: usage.promptTokens,
        completion_tokens: usage.completionTokens,
        total_tokens: usage.totalTokens,
      },
      reasoning_chars: this.#reasoningChars === 0 ? undefined : this.#reasoningChars,
      timings,
    }) + "\n";
  }

  fail(failure: ModeldError): boolean {
    this.#lines += JSON.stringify(errorBody(failure)) + "\n";
    return true;
  }

  take(): Uint8Array {
    const lines = this.#lines;
    this.#lines = "";
    this.#options.onLines?.(lines);
    return utf8.encode(lines);
  }

  #addReasoning(text: string): void {
    const { tokens, reasoning } = this.#options;
    if (reasoning && tokens) this.#lines += `{"reasoning":${JSON.stringify(text)}}\n`;
    else this.#reasoningChars += text.length;
  }
}

function answerTooLarge(maxAnswer: number): ModeldError {
  return new ModeldError(
    "answer_too_large",
    `the answer has more than ${maxAnswer} characters (--max-answer-bytes); ask for less with max_tokens`,
  );
}
