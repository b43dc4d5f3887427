import { GgufWriter } from "../../tools/gguf/gguf_writer.ts";
import { randomNumbers } from "../../src/demo/random.ts";

/** How large a model is, and what it writes. */
export interface ModelShape {
  readonly width: number;
  readonly hidden: number;
  readonly heads: number;
  readonly blocks: number;
  /** Whether its text is small letters alone, so that an answer that is sent back is the same tokens again. */
  readonly letters?: boolean;
}

const LETTER_A = 97;
const LETTER_Z = 122;
const BYTE_TOKENS = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
const TOKENS = ["<unk>", "<s>", "</s>", ...BYTE_TOKENS];
const FIRST_BYTE = 3;
const END_OF_TEXT = 2;

/** How a token vocabulary calls its kinds. */
const UNKNOWN_KIND = 2;
const CONTROL_KIND = 3;
const BYTE_KIND = 6;

/**
 * A model of random weights that llama-server loads: `llama` architecture, F32, a vocabulary of bytes, half a megabyte. Its
 * text is noise, which exercises UTF-8 well, and it never ends by itself: a reply ends by `max_tokens` or `stop`. A published
 * model would be a download with a license, and its text ends when it likes.
 *
 * @param seed two seeds give two models.
 * @param blocks its depth: two make half a megabyte, each further one adds a fifth.
 */
export function tinyGguf(seed = 1, blocks = 2): Uint8Array<ArrayBuffer> {
  return randomGguf(seed, { width: 64, hidden: 160, heads: 4, blocks });
}

/** As `tinyGguf`, of any size. */
export function randomGguf(seed: number, shape: ModelShape): Uint8Array<ArrayBuffer> {
  const file = new GgufWriter();
  writeMetadata(file, shape);
  writeTensors(file, shape, randomNumbers(seed));
  return file.build();
}

function writeMetadata(file: GgufWriter, { width, hidden, heads, blocks }: ModelShape): void {
  file.string("general.architecture", "llama");
  file.string("general.name", "tiny");
  file.uint32("llama.context_length", 32_768);
  file.uint32("llama.embedding_length", width);
  file.uint32("llama.block_count", blocks);
  file.uint32("llama.feed_forward_length", hidden);
  file.uint32("llama.attention.head_count", heads);
  file.float32("llama.attention.layer_norm_rms_epsilon", 1e-5);
  file.uint32("llama.rope.dimension_count", width / heads);
  file.string("tokenizer.ggml.model", "llama");
  file.strings("tokenizer.ggml.tokens", TOKENS);
  file.float32s("tokenizer.ggml.scores", TOKENS.map(() => 0));
  file.int32s("tokenizer.ggml.token_type", [
    UNKNOWN_KIND,
    CONTROL_KIND,
    CONTROL_KIND,
    ...BYTE_TOKENS.map(() => BYTE_KIND),
  ]);
  file.uint32("tokenizer.ggml.unknown_token_id", 0);
  file.uint32("tokenizer.ggml.bos_token_id", 1);
  file.uint32("tokenizer.ggml.eos_token_id", END_OF_TEXT);
}

function writeTensors(
  file: GgufWriter,
  { width, hidden, blocks, letters = false }: ModelShape,
  random: () => number,
): void {
  const weights = (length: number) => Float32Array.from({ length }, () => (random() - 0.5) * 0.4);
  const ones = () => new Float32Array(width).fill(1);
  const matrix = (name: string, columns: number, rows: number) =>
    file.tensor(name, [columns, rows], weights(columns * rows));

  // The first number of every token's vector is one constant that no block changes. The output weighs it against the end
  // of text, and against what is no letter where only letters are wanted, so that those tokens are never chosen.
  const embeddings = weights(width * TOKENS.length);
  const output = weights(width * TOKENS.length);
  for (let token = 0; token < TOKENS.length; token++) {
    embeddings[token * width] = 1;
    output[token * width] = mayCome(token, letters) ? 0 : -100 * width * width / 4096;
  }
  const keepsFirst = (columns: number) => weights(columns * width).fill(0, 0, columns);

  file.tensor("token_embd.weight", [width, TOKENS.length], embeddings);
  file.tensor("output_norm.weight", [width], ones());
  file.tensor("output.weight", [width, TOKENS.length], output);
  for (let block = 0; block < blocks; block++) {
    const name = (part: string) => `blk.${block}.${part}.weight`;
    file.tensor(name("attn_norm"), [width], ones());
    file.tensor(name("ffn_norm"), [width], ones());
    for (const part of ["attn_q", "attn_k", "attn_v"]) matrix(name(part), width, width);
    file.tensor(name("attn_output"), [width, width], keepsFirst(width));
    for (const part of ["ffn_gate", "ffn_up"]) matrix(name(part), width, hidden);
    file.tensor(name("ffn_down"), [hidden, width], keepsFirst(hidden));
  }
}

function mayCome(token: number, letters: boolean): boolean {
  const byte = token - FIRST_BYTE;
  return token !== END_OF_TEXT && (!letters || (byte >= LETTER_A && byte <= LETTER_Z));
}
