import { ModeldError } from "../../base/errors.ts";
import type { Chunk, Generation } from "../adapter.ts";
import type { ByteStream } from "../connection/byte_stream.ts";
import type { KeyMask } from "../key_mask.ts";
import type { SilenceWatch } from "./silence_watch.ts";
import { type Decoded, StreamDecoder } from "../decoding/stream_decoder.ts";

/** A generation that is read from the body of llama-server's answer. */
export class StreamedGeneration implements Generation {
  readonly #bytes: ByteStream;
  readonly #silence: SilenceWatch;
  readonly #mask: KeyMask;
  readonly #decoder = new StreamDecoder();
  /** A failure that came right behind fragments: they are handed on first. */
  #failure: unknown;

  /** Takes over the stream and the watch, and releases both when it ends. */
  constructor(bytes: ByteStream, silence: SilenceWatch, mask: KeyMask) {
    this.#bytes = bytes;
    this.#mask = mask;
    this.#silence = silence;
  }

  async next(): Promise<Chunk> {
    if (this.#failure !== undefined) throw this.#mask.error(this.#failure);
    try {
      for (;;) {
        const { fragments, end } = await this.#read();
        if (end !== undefined) return this.#end(fragments, end);
        if (fragments.length === 0) continue;
        this.#silence.tokenArrived();
        return { fragments };
      }
    } catch (error) {
      this.cancel();
      throw this.#mask.error(error);
    }
  }

  cancel(): void {
    this.#silence.release();
    this.#bytes.close();
  }

  async #read(): Promise<Decoded> {
    this.#silence.wait();
    try {
      const bytes = await this.#bytes.read();
      return bytes === undefined ? this.#decoder.finish() : this.#decoder.push(bytes);
    } catch (error) {
      if (error instanceof ModeldError && error.kind === "truncated") return this.#decoder.finish(error);
      throw error;
    }
  }

  #end(fragments: readonly string[], end: Exclude<Decoded["end"], undefined>): Chunk {
    this.cancel();
    if (!(end instanceof ModeldError)) return { fragments, completion: end };
    if (fragments.length === 0) throw end;
    this.#failure = end;
    return { fragments };
  }
}
