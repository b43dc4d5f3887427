import type { AttentionShape } from "../model.ts";
import { type HeaderValue, readHeader } from "./read_header.ts";
import { quantizationOf } from "./file_type.ts";

/** What a GGUF file says of its model. */
export interface ModelFacts {
  readonly family?: string;
  readonly quantization?: string;
  readonly attention?: AttentionShape;
}

type Header = ReadonlyMap<string, HeaderValue>;

const WANTED =
  /^general\.(architecture|file_type)$|^[\w-]{1,64}\.(block_count|embedding_length|attention\.(head_count|head_count_kv|key_length|value_length))$/;
/** Beyond this a count is nonsense. */
const LARGEST = 10_000_000;

/**
 * Reads what modeld wants to know of a model from its file, before it is loaded: by then the VRAM budget has been decided.
 * The npm packages for GGUF read the whole header into objects, vocabulary and all, for four numbers and two words.
 *
 * @throws InvalidGgufError
 */
export async function readModelFacts(file: Deno.FsFile, size: number, fileName: string): Promise<ModelFacts> {
  const header = await readHeader(file, size, (key) => WANTED.test(key));
  const family = header.get("general.architecture");
  const fileType = header.get("general.file_type");
  const quantization = quantizationOf(typeof fileType === "number" ? fileType : undefined, fileName);
  const attention = typeof family === "string" ? attentionShape(header, family) : undefined;
  return {
    ...(typeof family === "string" && { family }),
    ...(quantization !== undefined && { quantization }),
    ...(attention !== undefined && { attention }),
  };
}

/** Keys and values of all heads of all layers; `undefined` where the header does not have what it takes. */
function attentionShape(header: Header, family: string): AttentionShape | undefined {
  const count = (key: string): number | undefined => countOf(header.get(`${family}.${key}`));
  const layers = count("block_count");
  const heads = count("attention.head_count");
  const width = count("embedding_length");
  const headWidth = width !== undefined && heads !== undefined ? width / heads : undefined;
  const keyWidth = count("attention.key_length") ?? headWidth;
  const valueWidth = count("attention.value_length") ?? headWidth;
  if (layers === undefined || keyWidth === undefined || valueWidth === undefined) return undefined;

  const perLayer = header.get(`${family}.attention.head_count_kv`);
  const kvHeads = Array.isArray(perLayer)
    ? perLayer.reduce((sum: number, heads: number) => sum + heads, 0)
    : layers * (countOf(perLayer) ?? heads ?? 0);
  const elementsPerToken = kvHeads * (keyWidth + valueWidth);
  return elementsPerToken > 0 && elementsPerToken <= LARGEST ? { elementsPerToken } : undefined;
}

function countOf(value: HeaderValue | undefined): number | undefined {
  return typeof value === "number" && value > 0 && value <= LARGEST ? value : undefined;
}
