// The layout is that of the GGUF specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

const MAGIC = 0x46554747; // "GGUF"
const ALIGNMENT = 32;

/** A value of the metadata; arrays may be nested in the format, but not in the models that are read here. */
export type MetadataValue = number | bigint | boolean | string | readonly (number | bigint | boolean | string)[];

/** The numbers of a tensor. Matrices have their rows one after the other. */
export interface Tensor {
  readonly values: Float32Array;
  /** The fastest dimension first. */
  readonly shape: readonly number[];
  /** Whether they are kept as F16 in the file. */
  readonly isHalf: boolean;
}

/** A GGUF file of version 2 or 3 that is in memory as a whole: its metadata, and its F32 and F16 tensors. */
export class GgufFile {
  readonly #metadata = new Map<string, MetadataValue>();
  readonly #tensors = new Map<string, { type: number; shape: readonly number[]; offset: number }>();
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #data: number;

  /** @throws Error where this is no such file. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    const reader = new Reader(bytes);
    if (reader.u32() !== MAGIC) throw new Error("the model is no GGUF file");
    const version = reader.u32();
    if (version !== 2 && version !== 3) throw new Error(`the model is a GGUF file of version ${version}, not 2 or 3`);
    const tensors = reader.u64();
    const pairs = reader.u64();
    for (let i = 0; i < pairs; i++) this.#metadata.set(reader.string(), reader.value(reader.u32()));
    for (let i = 0; i < tensors; i++) {
      const name = reader.string();
      const shape = Array.from({ length: reader.u32() }, () => reader.u64());
      this.#tensors.set(name, { type: reader.u32(), shape, offset: reader.u64() });
    }
    const alignment = this.#metadata.has("general.alignment") ? this.number("general.alignment") : ALIGNMENT;
    this.#data = Math.ceil(reader.position / alignment) * alignment;
  }

  has(key: string): boolean {
    return this.#metadata.has(key);
  }

  number(key: string): number {
    const value = this.#metadata.get(key);
    if (typeof value !== "number") throw new Error(`the model's ${key} is no number`);
    return value;
  }

  text(key: string): string {
    const value = this.#metadata.get(key);
    if (typeof value !== "string") throw new Error(`the model's ${key} is no text`);
    return value;
  }

  numbers(key: string): readonly number[] {
    return this.#list(key).map(Number);
  }

  texts(key: string): readonly string[] {
    return this.#list(key).map(String);
  }

  hasTensor(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** @throws Error where there is no such tensor, or it is neither F32 nor F16. */
  tensor(name: string): Tensor {
    const info = this.#tensors.get(name);
    if (info === undefined) throw new Error(`the model has no tensor ${name}`);
    const { type, shape, offset } = info;
    if (type !== 0 && type !== 1) {
      throw new Error(`the tensor ${name} has type ${type}; only F32 (0) and F16 (1) are read`);
    }
    const length = shape.reduce((product, size) => product * size, 1);
    const isHalf = type === 1;
    // A copy, because arrays of numbers have to begin at a multiple of their size.
    const start = this.#data + offset;
    const { buffer } = this.#bytes.slice(start, start + length * (isHalf ? 2 : 4));
    return { values: isHalf ? new Float32Array(new Float16Array(buffer)) : new Float32Array(buffer), shape, isHalf };
  }

  #list(key: string): readonly unknown[] {
    const value = this.#metadata.get(key);
    if (!Array.isArray(value)) throw new Error(`the model's ${key} is no list`);
    return value;
  }
}

class Reader {
  position = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  u64(): number {
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  string(): string {
    const length = this.u64();
    const start = this.#take(length);
    return new TextDecoder().decode(this.#bytes.subarray(start, start + length));
  }

  value(type: number): MetadataValue {
    if (type !== 9) return this.#single(type);
    const element = this.u32();
    return Array.from({ length: this.u64() }, () => this.#single(element));
  }

  #single(type: number): number | bigint | boolean | string {
    const view = this.#view;
    switch (type) {
      case 0:
        return view.getUint8(this.#take(1));
      case 1:
        return view.getInt8(this.#take(1));
      case 2:
        return view.getUint16(this.#take(2), true);
      case 3:
        return view.getInt16(this.#take(2), true);
      case 4:
        return view.getUint32(this.#take(4), true);
      case 5:
        return view.getInt32(this.#take(4), true);
      case 6:
        return view.getFloat32(this.#take(4), true);
      case 7:
        return view.getUint8(this.#take(1)) !== 0;
      case 8:
        return this.string();
      case 10:
        return view.getBigUint64(this.#take(8), true);
      case 11:
        return view.getBigInt64(this.#take(8), true);
      case 12:
        return view.getFloat64(this.#take(8), true);
      default:
        throw new Error(`the model's metadata has a value of type ${type}, which is not read`);
    }
  }

  #take(bytes: number): number {
    const start = this.position;
    this.position += bytes;
    return start;
  }
}
