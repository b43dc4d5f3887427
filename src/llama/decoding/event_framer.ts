import { LINE_LIMIT } from "./line_splitter.ts";
import { notUnderstood, protocolError } from "./protocol_error.ts";

/** One event as it was framed: its data, or text that its frame says is an error. */
export interface FramedEvent {
  readonly data: string;
  /** Sent as `event: error` or `error: ...`: not an answer, whatever the data looks like. */
  readonly isError: boolean;
}

/**
 * Finds events in lines: Server-Sent Events, or one JSON value a line, told apart line by line. What is neither is not
 * skipped, as the SSE standard would have it, but reported as an error: it may be all that llama-server or a proxy says
 * about a failure.
 */
export class EventFramer {
  #data: string | undefined;
  #name = "";

  /**
   * Takes the next line; returns an event when it completes one.
   *
   * @throws ModeldError `protocol` for a line that belongs to no known framing, or data over the limit.
   */
  line(line: string): FramedEvent | undefined {
    if (line.startsWith("data:")) return this.#addData(fieldValue(line, 5));
    if (line === "") return this.end();
    const first = line.charCodeAt(0);
    if (first === COLON) return undefined; // a comment: only a sign of life
    if (first === BRACE || first === QUOTE || line === "[DONE]") return { data: line, isError: false };
    if (line.startsWith("error:")) return { data: fieldValue(line, 6), isError: true };
    if (line.startsWith("event:")) this.#name = fieldValue(line, 6);
    else if (!line.startsWith("id:") && !line.startsWith("retry:")) {
      throw notUnderstood("text outside its stream", line);
    }
    return undefined;
  }

  /** Ends the event that is being read, as an empty line does. */
  end(): FramedEvent | undefined {
    const data = this.#data;
    const isError = this.#name === "error";
    this.#data = undefined;
    this.#name = "";
    return data === undefined && !isError ? undefined : { data: data ?? "", isError };
  }

  #addData(value: string): undefined {
    this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    if (this.#data.length > LINE_LIMIT) {
      throw protocolError(`an event of more than ${LINE_LIMIT} characters`);
    }
  }
}

const COLON = ":".charCodeAt(0);
const BRACE = "{".charCodeAt(0);
const QUOTE = '"'.charCodeAt(0);
const SPACE = " ".charCodeAt(0);

/** A field's value; one space after the colon does not belong to it. */
function fieldValue(line: string, start: number): string {
  return line.slice(line.charCodeAt(start) === SPACE ? start + 1 : start);
}
