import type { AbortScope } from "../../base/abort.ts";
import { ModeldError } from "../../base/errors.ts";
import { messageOf } from "../failures.ts";

/** Holds some sixty tokens; one read rarely brings more than one. */
const BUFFER_SIZE = 4 * 1024;

/**
 * The body of a response, read into one buffer that is used again and again: a default reader allocates and clears 64 kB
 * for every token. It cancels the read itself when the scope aborts, because `fetch` forgets its signal once the Response
 * has been collected.
 */
export class ByteStream {
  readonly #reader: ReadableStreamBYOBReader;
  readonly #scope: AbortScope;
  readonly #operation: string;
  readonly #heard: () => void;
  #buffer = new ArrayBuffer(BUFFER_SIZE);
  #open = true;

  /**
   * @param operation what modeld is doing, for messages.
   * @param heard called whenever bytes have come.
   */
  constructor(response: Response, scope: AbortScope, operation: string, heard: () => void = () => {}) {
    this.#reader = (response.body ?? new Blob().stream()).getReader({ mode: "byob" });
    this.#scope = scope;
    this.#operation = operation;
    this.#heard = heard;
    scope.signal.addEventListener("abort", this.#cancelRead, { once: true });
  }

  /**
   * The next bytes, valid until the next call, or `undefined` at the end.
   *
   * @throws the scope's reason when it aborted; ModeldError `truncated` when the connection broke, `cancelled` when the
   * stream was closed meanwhile.
   */
  async read(): Promise<Uint8Array | undefined> {
    let result: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>;
    try {
      result = await this.#reader.read(new Uint8Array(this.#buffer));
    } catch (cause) {
      this.#scope.signal.throwIfAborted();
      throw new ModeldError("truncated", messageOf(this.#operation, "the connection to llama-server broke"), { cause });
    }
    this.#scope.signal.throwIfAborted();
    if (!this.#open) throw new ModeldError("cancelled", "the answer was given up");
    if (result.done) {
      this.#open = false;
      return undefined;
    }
    this.#buffer = result.value.buffer;
    this.#heard();
    return result.value;
  }

  /** Releases everything it holds; closes the connection where the end was not reached. */
  close(): void {
    this.#scope.signal.removeEventListener("abort", this.#cancelRead);
    this.#scope.release();
    if (this.#open) this.#cancelRead();
  }

  readonly #cancelRead = (): void => {
    this.#open = false;
    // Rejects only with the error of a stream that is broken already, which `read` has reported.
    this.#reader.cancel().catch(() => {});
  };
}
