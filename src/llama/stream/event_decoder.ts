import { ModeldError } from "../../base/errors.ts";
import { isJsonObject, parseJson } from "../../base/json.ts";
import type { Completion } from "../exchange.ts";
import { type Failures, notUnderstood } from "../failures.ts";
import { CompletionReader } from "./completion.ts";
import { type Decoded, DecodedBatch, DecodedEvent, type Decoder, isDone, type LastDecoded } from "./decoder.ts";
import { EVENT_NOT_UNDERSTOOD, type ParsedEvent, parseEvent } from "./event_view.ts";
import { dataOf, EventFramer, type Frame, type Framed } from "./framing.ts";
import { ENDING_TYPES, lookAt, nameOf } from "./look_at.ts";

/** What a decoder of events needs to know. */
export interface EventDecoderOptions {
  readonly failures: Failures;
  /** How many choices must each have a finish reason. */
  readonly choices: number;
  /** Called when a view was asked for and its event could not be understood. */
  readonly onMisread: (error: ModeldError) => void;
}

/**
 * Decodes a stream of events, whichever framing and API they come in; it decides by the bytes alone. An event is parsed
 * where its keys show that it may be an error or an end. One that carries usage or timings is kept, as it may be one of
 * hundreds, and the first and the last of them are parsed at the end.
 */
export class EventDecoder implements Decoder {
  readonly #options: EventDecoderOptions;
  readonly #framer = new EventFramer();
  readonly #completion = new CompletionReader();
  readonly #finishedChoices = new Set<unknown>();
  #isWhole = false;
  #firstUsage: Uint8Array | undefined;
  #lastUsage: Uint8Array | undefined;

  constructor(options: EventDecoderOptions) {
    this.#options = options;
  }

  get isFinished(): boolean {
    return this.#finishedChoices.size >= this.#options.choices;
  }

  get completion(): Completion {
    this.#readUsage();
    return this.#completion.completion;
  }

  push(bytes: Uint8Array): Decoded {
    return this.#decode(this.#framer.push(bytes), false);
  }

  finish(cut?: ModeldError): LastDecoded {
    const { unendedLine, ...framed } = this.#framer.finish();
    const { batch, end } = this.#decode(framed, true);
    // Half an event shows that the answer was cut, not that the server sent nonsense.
    const isCut = end instanceof ModeldError && end.kind === "protocol" && looksCut(unendedLine);
    const last = end === undefined || isCut ? this.#endOf(cut) : end;
    return batch === undefined ? { end: last } : { batch, end: last };
  }

  #endOf(cut: ModeldError | undefined): Completion | ModeldError {
    if (this.isFinished) return this.completion;
    return cut ??
      new ModeldError("truncated", "adapter generate: llama-server ended its answer before it was finished");
  }

  /** @param mustParse whether each event is parsed, because it may have been cut. */
  #decode({ bytes, frames, failure }: Framed, mustParse: boolean): Decoded {
    const events: DecodedEvent[] = [];
    let length = 0;
    let end: Completion | ModeldError | undefined = failure;
    try {
      for (const frame of frames) {
        events.push(this.#event(bytes, frame, mustParse));
        length = frame.end;
        if (!this.#isWhole) continue;
        end = this.completion;
        break;
      }
    } catch (error) {
      if (!(error instanceof ModeldError)) throw error;
      end = error;
    }
    if (events.length === 0) return end === undefined ? {} : { end };
    const batch = new DecodedBatch(length === bytes.length ? bytes : bytes.subarray(0, length), events);
    return end === undefined ? { batch } : { batch, end };
  }

  /** @throws ModeldError that the event reports, or because it is not understood. */
  #event(bytes: Uint8Array, frame: Frame, mustParse: boolean): DecodedEvent {
    const { failures, onMisread } = this.#options;
    if (frame.kind === "error") throw failures.ofEvent(dataOf(bytes, frame));
    if (frame.kind === "empty") return new DecodedEvent("comment", frame, onMisread);
    if (isDone(bytes, frame)) {
      this.#isWhole = true;
      return new DecodedEvent("terminal", frame, onMisread);
    }
    const look = mustParse ? "parse" : lookAt(bytes, frame);
    if (look === "usage") this.#keepUsage(bytes, frame);
    if (look !== "parse") return new DecodedEvent("data", frame, onMisread);
    const parsed = parseEvent(bytes, frame);
    this.#take(parsed, nameOf(bytes, frame));
    return new DecodedEvent(this.#isWhole ? "terminal" : "data", frame, onMisread, parsed);
  }

  #take({ value, data }: ParsedEvent, name: string): void {
    if (typeof value === "string" || value === null) return;
    if (!isJsonObject(value)) throw notUnderstood(EVENT_NOT_UNDERSTOOD, data);
    const { error, type, choices } = value;
    const ending = ENDING_TYPES.get(typeof type === "string" ? type : name);
    if ((error !== undefined && error !== null) || ending === "error") throw this.#options.failures.ofEvent(data);
    this.#readUsage();
    this.#completion.add(value);
    if (Array.isArray(choices)) this.#finishChoices(choices);
    else if (value["stop"] === true) this.#finishedChoices.add(value["index"] ?? 0);
    this.#isWhole = ending === "terminal" || (value["stop"] === true && this.isFinished);
  }

  #finishChoices(choices: readonly unknown[]): void {
    for (const choice of choices) {
      if (this.isFinished) return;
      if (!isJsonObject(choice) || typeof choice["finish_reason"] !== "string") continue;
      if (choice["finish_reason"] !== "") this.#finishedChoices.add(choice["index"] ?? 0);
    }
  }

  #keepUsage(bytes: Uint8Array, { dataStart, dataEnd }: Frame): void {
    const copy = bytes.slice(dataStart, dataEnd);
    if (this.#firstUsage === undefined) this.#firstUsage = copy;
    else this.#lastUsage = copy;
  }

  #readUsage(): void {
    for (const kept of [this.#firstUsage, this.#lastUsage]) {
      const event = kept === undefined ? undefined : parseJson(utf8.decode(kept));
      if (isJsonObject(event)) this.#completion.add(event);
    }
    this.#firstUsage = undefined;
    this.#lastUsage = undefined;
  }
}

const utf8 = new TextDecoder();

const BEGINNINGS = ["data:", "event:", "error:", "id:", "retry:", ":", "{", '"', "[DONE]"];

/** Whether a last line without an end is the beginning of something that would have been understood. */
function looksCut(line: string): boolean {
  return line !== "" && BEGINNINGS.some((known) => line.startsWith(known) || known.startsWith(line));
}
