import { ModeldError } from "../../errors.ts";
import { type Completion, NO_USAGE, type Usage } from "../adapter.ts";
import { EventFramer, type FramedEvent } from "./event_framer.ts";
import type { JsonObject } from "../json.ts";
import { LineSplitter } from "./line_splitter.ts";
import { readUpstreamFailure, streamFailure } from "../upstream_failure.ts";
import { readWireEvent } from "./wire_event.ts";

/** What some bytes of a stream said. */
export interface Decoded {
  /** Non-empty pieces of text, in order; those before a failure count. */
  readonly fragments: readonly string[];
  /** How the stream ended, where it did: whole, or why not. */
  readonly end?: Completion | ModeldError;
}

/**
 * Decodes one answer of llama-server from its bytes, whichever framing and family of endpoints they come in. It tells by
 * the bytes alone. However they are sliced, the same fragments and the same end come out.
 */
export class StreamDecoder {
  readonly #lines = new LineSplitter();
  readonly #framer = new EventFramer();
  #fragments: string[] = [];
  #done = false;
  #finishReason: string | undefined;
  #usage: Usage | undefined;
  #timings: JsonObject | undefined;

  /** Takes the next bytes, which may be reused afterwards. Not to be called again once an end came out. */
  push(bytes: Uint8Array): Decoded {
    return this.#decode(() => this.#lines.push(bytes, this.#line));
  }

  /**
   * The bytes have ended. An answer that has said that it is finished is whole, however they ended; any other is cut.
   *
   * @param cut how the connection broke, if it did.
   */
  finish(cut?: ModeldError): Decoded {
    return this.#decode(() => {
      const rest = this.#lines.rest();
      try {
        if (rest !== "") this.#line(rest);
        this.#event(this.#framer.end());
      } catch (error) {
        // Half an event is the mark of a cut, not of a server that talks nonsense.
        if (!(error instanceof ModeldError && error.kind === "protocol" && looksCut(rest))) throw error;
      }
      if (!this.#done && this.#finishReason === undefined) {
        throw cut ??
          new ModeldError("truncated", "adapter generate: llama-server ended its answer before it was finished");
      }
      this.#done = true;
    });
  }

  #decode(read: () => void): Decoded {
    let failure: ModeldError | undefined;
    try {
      read();
    } catch (error) {
      if (!(error instanceof ModeldError)) throw error;
      failure = error;
    }
    const fragments = this.#fragments;
    this.#fragments = [];
    if (failure !== undefined) return { fragments, end: failure };
    return this.#done ? { fragments, end: this.#completion() } : { fragments };
  }

  readonly #line = (line: string): void => this.#event(this.#framer.line(line));

  #event(event: FramedEvent | undefined): void {
    if (event === undefined || this.#done) return;
    if (event.isError) throw streamFailure(readUpstreamFailure(event.data));
    if (event.data === "[DONE]") {
      this.#done = true;
      return;
    }
    const { text, finishReason, usage, timings } = readWireEvent(event.data);
    if (text !== "") this.#fragments.push(text);
    if (finishReason !== undefined) this.#finishReason = finishReason;
    if (usage !== undefined) this.#usage = usage;
    if (timings !== undefined) this.#timings = timings;
  }

  #completion(): Completion {
    const completion = { finishReason: this.#finishReason ?? "stop", usage: this.#usage ?? NO_USAGE };
    return this.#timings === undefined ? completion : { ...completion, timings: this.#timings };
  }
}

const BEGINNINGS = ["data:", "event:", "error:", "id:", "retry:", ":", "{", '"', "[DONE]"];

/** Whether a last line without an end is the beginning of something that would have been understood. */
function looksCut(line: string): boolean {
  return line !== "" && BEGINNINGS.some((known) => line.startsWith(known) || known.startsWith(line));
}
