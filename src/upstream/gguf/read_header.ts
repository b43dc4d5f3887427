import { ByteReader, InvalidGgufError } from "./byte_reader.ts";

// The layout is that of the GGUF specification: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

/** The header is not read further than this, in bytes: vocabularies take some ten MB at most. */
export const HEADER_LIMIT = 64 * 2 ** 20;
const MAGIC = 0x46554747; // "GGUF"
/** Longest key that the specification allows, in bytes. */
const LONGEST_KEY = 65_535;
const MOST_KEYS = 65_536;
/** Strings and arrays that are wanted are short; longer ones are passed over. */
const LONGEST_STRING = 256;
const LONGEST_ARRAY = 1_024;
const DEEPEST_ARRAY = 4;

const BOOL = 7;
const STRING = 8;
const ARRAY = 9;
const FLOAT64 = 12;
/** Bytes that a value of each type takes; strings and arrays vary. */
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8] as const;

/** A value of the header: whole numbers and short strings, and short arrays of whole numbers. */
export type HeaderValue = number | string | readonly number[];

/**
 * Reads the wanted key-value pairs of a GGUF file's header. Memory is bounded, whatever the file says.
 *
 * @param wanted whether a key's value is to be kept.
 * @throws InvalidGgufError where the file is not a GGUF file of version 2 or 3, or its header does not fit itself.
 */
export async function readHeader(
  file: Deno.FsFile,
  size: number,
  wanted: (key: string) => boolean,
): Promise<ReadonlyMap<string, HeaderValue>> {
  const reader = new ByteReader(file, Math.min(size, HEADER_LIMIT));
  const pairs = await readPreamble(reader);
  const values = new Map<string, HeaderValue>();
  for (let pair = 0; pair < pairs; pair++) {
    const key = await readKey(reader);
    await reader.need(4);
    const type = reader.u32();
    const value = wanted(key) ? await readValue(reader, type) : await skipValue(reader, type, 0);
    if (value !== undefined) values.set(key, value);
  }
  return values;
}

/** The number of key-value pairs that follow. */
async function readPreamble(reader: ByteReader): Promise<number> {
  await reader.need(24);
  if (reader.u32() !== MAGIC) throw new InvalidGgufError("it does not begin with GGUF");
  const version = reader.u32();
  if (version !== 2 && version !== 3) {
    throw new InvalidGgufError(`its version is ${version} (or its byte order is not little-endian); 2 and 3 are read`);
  }
  reader.skip(8); // number of tensors
  const pairs = reader.u64();
  if (pairs > MOST_KEYS) throw new InvalidGgufError(`it claims ${pairs} keys; at most ${MOST_KEYS} are read`);
  return pairs;
}

async function readKey(reader: ByteReader): Promise<string> {
  await reader.need(8);
  const length = reader.u64();
  if (length > LONGEST_KEY) {
    throw new InvalidGgufError(`a key claims ${length} bytes; at most ${LONGEST_KEY} are allowed`);
  }
  await reader.need(length);
  return reader.text(length);
}

async function readValue(reader: ByteReader, type: number): Promise<HeaderValue | undefined> {
  if (type === STRING) {
    await reader.need(8);
    const length = reader.u64();
    if (length > LONGEST_STRING) return void reader.skip(length);
    await reader.need(length);
    return reader.text(length);
  }
  if (type !== ARRAY) {
    await reader.need(sizeOf(type));
    return readWhole(reader, type);
  }
  await reader.need(12);
  const element = reader.u32();
  const length = reader.u64();
  const isNumeric = element !== STRING && element !== ARRAY;
  if (!isNumeric || length > LONGEST_ARRAY) return await skipElements(reader, element, length, 0);
  await reader.need(sizeOf(element) * length);
  const values: number[] = [];
  for (let index = 0; index < length; index++) {
    const value = readWhole(reader, element);
    if (value !== undefined) values.push(value);
  }
  return values;
}

/** A number that counts something; `undefined` for floating point. */
function readWhole(reader: ByteReader, type: number): number | undefined {
  switch (type) {
    case 0:
    case BOOL:
      return reader.u8();
    case 1:
      return reader.i8();
    case 2:
      return reader.u16();
    case 3:
      return reader.i16();
    case 4:
      return reader.u32();
    case 5:
      return reader.i32();
    case 10:
      return reader.u64();
    case 11:
      return reader.i64();
    default:
      return void reader.skip(sizeOf(type));
  }
}

async function skipValue(reader: ByteReader, type: number, depth: number): Promise<undefined> {
  if (type === STRING) {
    await reader.need(8);
    reader.skip(reader.u64());
  } else if (type === ARRAY) {
    await reader.need(12);
    await skipElements(reader, reader.u32(), reader.u64(), depth);
  } else {
    reader.skip(sizeOf(type));
  }
}

async function skipElements(reader: ByteReader, element: number, length: number, depth: number): Promise<undefined> {
  if (element === STRING) {
    for (let index = 0; index < length; index++) {
      if (reader.buffered < 8) await reader.need(8);
      reader.skip(reader.u64());
    }
  } else if (element === ARRAY) {
    if (depth >= DEEPEST_ARRAY) throw new InvalidGgufError(`its arrays are nested deeper than ${DEEPEST_ARRAY}`);
    for (let index = 0; index < length; index++) await skipValue(reader, ARRAY, depth + 1);
  } else {
    reader.skip(sizeOf(element) * length);
  }
}

function sizeOf(type: number): number {
  if (type > FLOAT64) throw new InvalidGgufError(`it has a value of the unknown type ${type}`);
  return SIZES[type] ?? 0;
}
