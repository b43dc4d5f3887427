import { GgufWriter } from "../../tools/gguf/gguf_writer.ts";
import { randomNumbers } from "../../src/demo/random.ts";

const WIDTH = 64;
const HIDDEN = 160;
const HEADS = 4;
const BYTE_TOKENS = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
const TOKENS = ["<unk>", "<s>", "</s>", ...BYTE_TOKENS];
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
  const file = new GgufWriter();
  writeMetadata(file, blocks);
  writeTensors(file, blocks, randomNumbers(seed));
  return file.build();
}

function writeMetadata(file: GgufWriter, blocks: number): void {
  file.string("general.architecture", "llama");
  file.string("general.name", "tiny");
  file.uint32("llama.context_length", 32_768);
  file.uint32("llama.embedding_length", WIDTH);
  file.uint32("llama.block_count", blocks);
  file.uint32("llama.feed_forward_length", HIDDEN);
  file.uint32("llama.attention.head_count", HEADS);
  file.float32("llama.attention.layer_norm_rms_epsilon", 1e-5);
  file.uint32("llama.rope.dimension_count", WIDTH / HEADS);
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

function writeTensors(file: GgufWriter, blocks: number, random: () => number): void {
  const weights = (length: number) => Float32Array.from({ length }, () => (random() - 0.5) * 0.4);
  const ones = () => new Float32Array(WIDTH).fill(1);
  const matrix = (name: string, columns: number, rows: number) =>
    file.tensor(name, [columns, rows], weights(columns * rows));

  // The first number of every token's vector is one constant that no block changes. The output weighs it against the end
  // of text alone, so that token is never chosen.
  const embeddings = weights(WIDTH * TOKENS.length);
  const output = weights(WIDTH * TOKENS.length);
  for (let token = 0; token < TOKENS.length; token++) {
    embeddings[token * WIDTH] = 1;
    output[token * WIDTH] = token === END_OF_TEXT ? -100 : 0;
  }
  const keepsFirst = (columns: number) => weights(columns * WIDTH).fill(0, 0, columns);

  file.tensor("token_embd.weight", [WIDTH, TOKENS.length], embeddings);
  file.tensor("output_norm.weight", [WIDTH], ones());
  file.tensor("output.weight", [WIDTH, TOKENS.length], output);
  for (let block = 0; block < blocks; block++) {
    const name = (part: string) => `blk.${block}.${part}.weight`;
    file.tensor(name("attn_norm"), [WIDTH], ones());
    file.tensor(name("ffn_norm"), [WIDTH], ones());
    for (const part of ["attn_q", "attn_k", "attn_v"]) matrix(name(part), WIDTH, WIDTH);
    file.tensor(name("attn_output"), [WIDTH, WIDTH], keepsFirst(WIDTH));
    for (const part of ["ffn_gate", "ffn_up"]) matrix(name(part), WIDTH, HIDDEN);
    file.tensor(name("ffn_down"), [HIDDEN, WIDTH], keepsFirst(HIDDEN));
  }
}
