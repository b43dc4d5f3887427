import { ModeldError } from "../../../base/errors.ts";
import type { Completion, EventBatch, PromptProgress } from "../../../llama/exchange.ts";
import { errorBody } from "../../error_reply.ts";
import type { ByteShare } from "../../byte_budget.ts";
import type { Encoder } from "../../reply/encoder.ts";
import { AnswerText } from "./answer_text.ts";
import type { Progress } from "./progress.ts";

/** How the lines of one reply are to look. */
export interface LineOptions {
  /** False: the final line alone. */
  readonly tokens: boolean;
  /** Whether the client wants the reasoning, a line for each piece. */
  readonly reasoning: boolean;
  /** Whether the client wants to be told how far its request is. */
  readonly progress: boolean;
  /** Bytes of text that an answer may have. */
  readonly maxAnswerBytes: number;
  /** What it keeps counts there. */
  readonly share: ByteShare;
  /** Called with the lines as they leave, where the request is logged at debug. */
  readonly onLines?: ((lines: Uint8Array) => void) | undefined;
}

const utf8 = new TextEncoder();

/** How many pieces of the last lines, of 8 KiB each, leave together: an answer that nobody reads is not copied whole. */
const PIECES_AT_ONCE = 2;

/** What stands in front of the text in the final line. */
const BEFORE_CONTENT = '{"done":true,"content":"';

/** The NDJSON lines of `POST /infer`: one for each fragment, then one final or one error line. */
export class LineEncoder implements Encoder {
  readonly contentType = "application/x-ndjson";
  readonly #options: LineOptions;
  fragments = 0;
  progress: PromptProgress | undefined;
  #lines = "";
  readonly #content: AnswerText;
  /** The last lines, in pieces that are let go one by one: the text of the final one may be long. */
  #last: Uint8Array[] = [];
  #reasoningChars = 0;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#content = new AnswerText(options.maxAnswerBytes, options.share);
  }

  get pending(): number {
    return this.#lines.length + this.#last.reduce((sum, { length }) => sum + length, 0);
  }

  add({ events }: EventBatch): void {
    for (const event of events) {
      if (event.kind === "comment") continue;
      const { text, reasoning, isToolCall, progress } = event.view;
      if (isToolCall) {
        throw new ModeldError("protocol", "adapter generate: llama-server sent a tool call; use /v1/chat/completions");
      }
      if (progress !== undefined && this.fragments === 0) {
        this.progress = progress;
        if (this.#options.progress) this.addProgress({ stage: "prefill" });
      }
      if (reasoning !== "") {
        this.fragments++;
        this.#addReasoning(reasoning);
      }
      if (text === "") continue;
      this.fragments++;
      if (this.#options.tokens) this.#lines += `{"token":${JSON.stringify(text)}}\n`;
      this.#content.add(text);
    }
  }

  end({ finishReason, usage, timings }: Completion): void {
    const line = JSON.stringify({
      done: true,
      content: "",
      finish_reason: finishReason,
      usage: {
        prompt_tokens: usage.promptTokens,
        completion_tokens: usage.completionTokens,
        total_tokens: usage.totalTokens,
      },
      reasoning_chars: this.#reasoningChars === 0 ? undefined : this.#reasoningChars,
      timings,
    }) + "\n";
    const content = this.#content.end();
    const before = utf8.encode(this.#lines + BEFORE_CONTENT);
    this.#last = [before, ...content, utf8.encode(line.slice(BEFORE_CONTENT.length))];
    this.#lines = "";
    this.#options.onLines?.(concat(this.#last));
  }

  fail(failure: ModeldError): boolean {
    this.#lines += JSON.stringify(errorBody(failure)) + "\n";
    return true;
  }

  take(): Uint8Array {
    if (this.#last.length > 0) return concat(this.#last.splice(0, PIECES_AT_ONCE));
    const lines = utf8.encode(this.#lines);
    this.#lines = "";
    if (lines.length > 0) this.#options.onLines?.(lines);
    return lines;
  }

  /** Adds a line that says how far the request is. */
  addProgress(progress: Progress): void {
    const prompt = progress.stage === "prefill" ? this.progress : undefined;
    const counts = prompt && { prompt_tokens: prompt.total, prompt_done: prompt.processed };
    this.#lines += `${JSON.stringify({ progress: { ...progress, ...counts } })}\n`;
  }

  #addReasoning(text: string): void {
    const { tokens, reasoning } = this.#options;
    if (reasoning && tokens) this.#lines += `{"reasoning":${JSON.stringify(text)}}\n`;
    else this.#reasoningChars += text.length; // not kept, so it counts nowhere
  }
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
