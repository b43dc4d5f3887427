import type { ModeldError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import type { Usage } from "../base/timeline.ts";

export type { Usage };

/** What an answer said of itself by its end. */
export interface Completion {
  /** `stop`, `length`, or whatever else llama-server said. */
  readonly finishReason: string;
  readonly usage: Usage;
  /** Whether llama-server reported counts that cannot be right (negative, fractional, no number); they count as 0. */
  readonly usageIsInvalid?: boolean;
  /** llama-server's `timings`, as it sent them. */
  readonly timings?: JsonObject;
}

/** How far llama-server is with the prompt, in tokens (`prompt_progress`). */
export interface PromptProgress {
  readonly total: number;
  readonly processed: number;
}

/** What one event says, whichever API it belongs to. */
export interface EventView {
  /** The piece of text; empty where the event carries none. */
  readonly text: string;
  /** The piece of reasoning (`reasoning_content`); empty where the event carries none. */
  readonly reasoning: string;
  /** Whether the event is part of a tool call. */
  readonly isToolCall: boolean;
  readonly finishReason: string | undefined;
  readonly progress: PromptProgress | undefined;
}

/**
 * `data` is part of the answer, `terminal` ends it well (`[DONE]`, native `stop: true`, `message_stop`,
 * `response.completed`, `response.incomplete`), `comment` is only a sign of life. An error ends the exchange: it is thrown.
 */
export type EventKind = "data" | "terminal" | "comment";

/** One whole event of an answer. */
export interface WireEvent {
  readonly kind: EventKind;
  /**
   * What it says, parsed when first asked for; only until the exchange is read again.
   *
   * @throws ModeldError `protocol` where it cannot be understood
   */
  readonly view: EventView;
}

/** The whole events that arrived together. */
export interface EventBatch {
  /** Their bytes as they came, in one piece, the ends of the events included; valid until the exchange is read again. */
  readonly bytes: Uint8Array;
  readonly events: readonly WireEvent[];
}

/** How an exchange ended. */
export type Ending =
  | { readonly kind: "completed"; readonly completion: Completion }
  /** Its signal aborted, or it was cancelled. */
  | { readonly kind: "cancelled" }
  | { readonly kind: "failed"; readonly error: ModeldError };

/**
 * One HTTP request to a llama-server that was accepted (status 2xx), and its answer. It ends when it was read to its end,
 * when it failed, when it is cancelled, or when the signal that it was opened with aborts, whichever comes first, and
 * whether or not anybody reads; it then holds nothing any more.
 */
export interface Exchange {
  /** The answer's `Content-Type`. */
  readonly contentType: string;
  /** Whether the answer is a stream of events. Of a whole answer each batch is a piece of the body, with no events. */
  readonly isStream: boolean;
  /** Set once the end was read. */
  readonly completion: Completion | undefined;
  /**
   * Waits for the next events; `undefined` once the answer is whole, after its last batch. One call at a time.
   * Deadlines that concern llama-server's silence run only while a call is pending, so a slow reader pauses them.
   *
   * @throws ModeldError that says why the exchange failed, or the reason of its signal. What arrived before a failure is
   * handed on first.
   */
  read(): Promise<EventBatch | undefined>;
  /** Gives the exchange up and closes its connection. Does nothing after the end. */
  cancel(): void;
  /** Calls back once when it has ended; at once where it has. There is one observer, who set it last. */
  onEnd(callback: (ending: Ending) => void): void;
}
