import type { ModeldError } from "../../base/errors.ts";
import type { Completion, EventBatch, Exchange, PromptProgress } from "../../llama/exchange.ts";

/** What the lines or events of one API look like. Collects what is to be written until it is taken. */
export interface Encoder {
  /** The reply's `Content-Type`. */
  readonly contentType: string;
  /** The exchange was accepted by llama-server; called before anything else, but a heartbeat. */
  open?(exchange: Exchange): void;
  /** How much waits to be taken: in bytes after the end, before it in bytes or characters. */
  readonly pending: number;
  /** How many pieces of text have come so far. */
  readonly fragments: number;
  /** How far llama-server is with the prompt, where it has said so. */
  readonly progress?: PromptProgress | undefined;
  /**
   * Adds the events that arrived together.
   *
   * @throws ModeldError where the answer must not go on; what came in front of that has been added
   */
  add(batch: EventBatch): void;
  /**
   * Adds what ends a reply well.
   *
   * @throws ModeldError where the answer cannot be given; nothing has been added
   */
  end(completion: Completion): void;
  /** Adds what is sent while there is nothing else to send. */
  heartbeat?(): void;
  /** Adds what ends a reply that failed after its first byte. @returns false where it can only be cut */
  fail(failure: ModeldError): boolean;
  /** Hands over what waits, or the beginning of it, and forgets that. */
  take(): Uint8Array;
}
