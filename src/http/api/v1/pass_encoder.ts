import type { ModeldError } from "../../../base/errors.ts";
import type { EventBatch, Exchange, PromptProgress, WireEvent } from "../../../llama/exchange.ts";
import type { Encoder } from "../../reply/encoder.ts";
import { errorEvent } from "./error_shapes.ts";
import type { ApiShape } from "./routes.ts";

const utf8 = new TextEncoder();
/** A comment of server-sent events: clients skip it, and proxies see that the connection is alive. */
const HEARTBEAT = utf8.encode(": wait\n\n");
const NOTHING = new Uint8Array(0);

/** Passes an answer's bytes on as they came; adds only what says that it failed, in the API's own shape. */
export class PassEncoder implements Encoder {
  readonly #api: ApiShape;
  readonly #requestId: string;
  readonly #asksProgress: boolean;
  fragments = 0;
  progress: PromptProgress | undefined;
  #pieces: Uint8Array[] = [];
  #pending = 0;
  #contentType = "text/event-stream";
  #isStream = true;

  /** @param asksProgress whether the client has asked for `prompt_progress` events */
  constructor(api: ApiShape, requestId: string, asksProgress: boolean) {
    this.#api = api;
    this.#requestId = requestId;
    this.#asksProgress = asksProgress;
  }

  get contentType(): string {
    return this.#contentType;
  }

  get pending(): number {
    return this.#pending;
  }

  open({ contentType, isStream }: Exchange): void {
    this.#contentType = contentType;
    this.#isStream = isStream;
  }

  add({ bytes, events }: EventBatch): void {
    this.#push(bytes.slice()); // the exchange uses its buffer again
    for (const event of events) if (event.kind === "data" && !this.#isProgress(event)) this.fragments++;
  }

  /** Whether the event is no piece of the answer and says how far the prompt is read. It is parsed only where one may be. */
  #isProgress(event: WireEvent): boolean {
    if (!this.#asksProgress || this.fragments > 0) return false;
    const { progress } = event.view;
    this.progress = progress ?? this.progress;
    return progress !== undefined;
  }

  heartbeat(): void {
    if (this.#isStream) this.#push(HEARTBEAT);
  }

  /** The answer has said itself that it is whole. */
  end(): void {}

  /** Of an answer in one piece nothing can be said any more: it ends without its last byte. */
  fail(failure: ModeldError): boolean {
    if (!this.#isStream) return false;
    this.#push(utf8.encode(errorEvent(this.#api, failure, this.#requestId)));
    return true;
  }

  take(): Uint8Array {
    const [first = NOTHING, ...more] = this.#pieces;
    const taken = more.length === 0 ? first : joined(this.#pieces, this.#pending);
    this.#pieces = [];
    this.#pending = 0;
    return taken;
  }

  #push(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#pending += bytes.length;
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
