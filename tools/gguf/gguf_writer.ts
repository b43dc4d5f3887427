const ALIGNMENT = 32;
const utf8 = new TextEncoder();

/** GGUF's numbers for the types of metadata values. */
const UINT32 = 4;
const INT32 = 5;
const FLOAT32 = 6;
const BOOL = 7;
const STRING = 8;
const ARRAY = 9;
const TENSOR_F32 = 0;
const TENSOR_F16 = 1;

/** The numbers of a tensor, as they are to stand in the file. */
export type TensorData = Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer>;

/** Builds a GGUF v3 file in memory: metadata first, then F32 and F16 tensors (github.com/ggml-org/ggml, docs/gguf.md). */
export class GgufWriter {
  readonly #metadata: Uint8Array[] = [];
  readonly #tensors: { name: string; shape: readonly number[]; data: TensorData }[] = [];

  string(key: string, value: string): void {
    this.#pair(key, STRING, lengthPrefixed(value));
  }

  uint32(key: string, value: number): void {
    this.#pair(key, UINT32, u32(value));
  }

  float32(key: string, value: number): void {
    this.#pair(key, FLOAT32, bytesOf(new Float32Array([value])));
  }

  strings(key: string, values: readonly string[]): void {
    this.#array(key, STRING, values.length, concat(values.map(lengthPrefixed)));
  }

  int32s(key: string, values: readonly number[]): void {
    this.#array(key, INT32, values.length, bytesOf(new Int32Array(values)));
  }

  float32s(key: string, values: readonly number[]): void {
    this.#array(key, FLOAT32, values.length, bytesOf(new Float32Array(values)));
  }

  bool(key: string, value: boolean): void {
    this.#pair(key, BOOL, new Uint8Array([value ? 1 : 0]));
  }

  /** Adds a tensor; `shape` has the fastest dimension first, as ggml counts. */
  tensor(name: string, shape: readonly number[], data: TensorData): void {
    this.#tensors.push({ name, shape, data });
  }

  /** The whole file. */
  build(): Uint8Array<ArrayBuffer> {
    const infos: Uint8Array[] = [];
    const data: Uint8Array[] = [];
    let offset = 0;
    for (const tensor of this.#tensors) {
      const shape = tensor.shape.map(u64);
      const type = tensor.data instanceof Float32Array ? TENSOR_F32 : TENSOR_F16;
      infos.push(lengthPrefixed(tensor.name), u32(shape.length), ...shape, u32(type), u64(offset));
      const bytes = padded(bytesOf(tensor.data));
      data.push(bytes);
      offset += bytes.length;
    }
    const counts = [utf8.encode("GGUF"), u32(3), u64(this.#tensors.length), u64(this.#metadata.length)];
    return concat([padded(concat([...counts, ...this.#metadata, ...infos])), ...data]);
  }

  #pair(key: string, type: number, value: Uint8Array): void {
    this.#metadata.push(concat([lengthPrefixed(key), u32(type), value]));
  }

  #array(key: string, type: number, count: number, values: Uint8Array): void {
    this.#pair(key, ARRAY, concat([u32(type), u64(count), values]));
  }
}

function u32(value: number): Uint8Array {
  return bytesOf(new Uint32Array([value]));
}

function u64(value: number): Uint8Array {
  return bytesOf(new BigUint64Array([BigInt(value)]));
}

function lengthPrefixed(text: string): Uint8Array {
  const bytes = utf8.encode(text);
  return concat([u64(bytes.length), bytes]);
}

function bytesOf(array: ArrayBufferView<ArrayBuffer>): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function padded(bytes: Uint8Array): Uint8Array {
  const filled = new Uint8Array(Math.ceil(bytes.length / ALIGNMENT) * ALIGNMENT);
  filled.set(bytes);
  return filled;
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
