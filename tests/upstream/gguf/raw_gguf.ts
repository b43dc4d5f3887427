const utf8 = new TextEncoder();

/** Pieces of a GGUF file that need not fit together, little-endian. */
export class RawGguf {
  readonly #pieces: Uint8Array[] = [];

  /** Magic, version, number of tensors, number of key-value pairs. */
  static header(pairs: number | bigint, version = 3): RawGguf {
    return new RawGguf().text("GGUF").u32(version).u64(0).u64(pairs);
  }

  text(value: string): this {
    this.#pieces.push(utf8.encode(value));
    return this;
  }

  u32(value: number): this {
    const bytes = new DataView(new ArrayBuffer(4));
    bytes.setUint32(0, value, true);
    return this.#push(bytes);
  }

  u64(value: number | bigint): this {
    const bytes = new DataView(new ArrayBuffer(8));
    bytes.setBigUint64(0, BigInt(value), true);
    return this.#push(bytes);
  }

  /** A string with its length before it. */
  string(value: string): this {
    return this.u64(utf8.encode(value).length).text(value);
  }

  zeros(bytes: number): this {
    this.#pieces.push(new Uint8Array(bytes));
    return this;
  }

  build(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  #push(bytes: DataView): this {
    this.#pieces.push(new Uint8Array(bytes.buffer));
    return this;
  }
}
