/** Read from the file at once, in bytes. */
const CHUNK = 64 * 1024;

/** The file is not a GGUF file that modeld reads; the message says what is wrong with it. */
export class InvalidGgufError extends Error {
  override readonly name = "InvalidGgufError";
}

/** Reads a file from its start in chunks of bounded size, forwards only, up to a limit. Numbers are little-endian. */
export class ByteReader {
  readonly #file: Deno.FsFile;
  readonly #limit: number;
  readonly #chunk = new Uint8Array(CHUNK);
  readonly #view = new DataView(this.#chunk.buffer);
  /** Of the bytes in the chunk, those from `#start` to `#end` are yet to be taken. */
  #start = 0;
  #end = 0;
  /** Bytes to pass over before the next read. */
  #ahead = 0;
  /** Bytes taken and passed over so far. */
  #position = 0;

  /** @param limit where the file counts as ended, in bytes. */
  constructor(file: Deno.FsFile, limit: number) {
    this.#file = file;
    this.#limit = limit;
  }

  /** Bytes that can be taken without `need`. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /**
   * Waits until that many bytes can be taken.
   *
   * @throws InvalidGgufError where the file, or the limit, ends before.
   */
  async need(bytes: number): Promise<void> {
    if (this.buffered >= bytes) return;
    if (this.#position + bytes > this.#limit) throw this.#endsEarly();
    if (this.#ahead > 0) {
      await this.#file.seek(this.#ahead, Deno.SeekMode.Current);
      this.#ahead = 0;
    }
    this.#chunk.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    while (this.#end < bytes) {
      const read = await this.#file.read(this.#chunk.subarray(this.#end));
      if (read === null) throw this.#endsEarly();
      this.#end += read;
    }
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  i8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  i16(): number {
    return this.#view.getInt16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** Exact up to 2^53; what is larger is larger than any limit here. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  i64(): number {
    return Number(this.#view.getBigInt64(this.#take(8), true));
  }

  /** Text of at most 64 kB that `need` has been called for. */
  text(bytes: number): string {
    const start = this.#take(bytes);
    return new TextDecoder().decode(this.#chunk.subarray(start, start + bytes));
  }

  /**
   * Passes over bytes without reading them.
   *
   * @throws InvalidGgufError where the limit is before their end.
   */
  skip(bytes: number): void {
    if (!(this.#position + bytes <= this.#limit)) throw this.#endsEarly();
    this.#position += bytes;
    const inChunk = Math.min(bytes, this.buffered);
    this.#start += inChunk;
    this.#ahead += bytes - inChunk;
  }

  #take(bytes: number): number {
    const start = this.#start;
    this.#start += bytes;
    this.#position += bytes;
    return start;
  }

  #endsEarly(): InvalidGgufError {
    return new InvalidGgufError(
      `its header goes on beyond byte ${this.#limit}, where the file or the part that is read ends`,
    );
  }
}
