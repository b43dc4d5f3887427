import type { Vocabulary } from "../../src/demo/tokenizer.ts";
import { GgufWriter } from "../gguf/gguf_writer.ts";
import { normEpsilon, ropeBase, type TrainingModel, type Weights } from "./training_model.ts";

/** How many tokens the model can look back on. */
const contextLength = 512;

/** What the model reads of a conversation: its last message, on a line of its own. */
export const chatTemplate =
  "{% for message in messages %}{% if loop.last %}{{ message.content + '\\n' }}{% endif %}{% endfor %}";

/** A trained model as a GGUF file: matrices as F16, norms as F32. */
export function storyGguf(model: TrainingModel, vocabulary: Vocabulary): Uint8Array<ArrayBuffer> {
  const file = new GgufWriter();
  writeMetadata(file, model, vocabulary);
  const matrix = (name: string, { values, rows, columns }: Weights) =>
    file.tensor(`${name}.weight`, [columns, rows], new Float16Array(values));
  const norm = (name: string, { values }: Weights) =>
    file.tensor(`${name}.weight`, [values.length], new Float32Array(values));
  matrix("token_embd", model.embedding);
  for (const [index, block] of model.blocks.entries()) {
    const name = `blk.${index}`;
    norm(`${name}.attn_norm`, block.attnNorm);
    matrix(`${name}.attn_q`, block.query);
    matrix(`${name}.attn_k`, block.key);
    matrix(`${name}.attn_v`, block.value);
    matrix(`${name}.attn_output`, block.attnOutput);
    norm(`${name}.ffn_norm`, block.ffnNorm);
    matrix(`${name}.ffn_gate`, block.gate);
    matrix(`${name}.ffn_up`, block.up);
    matrix(`${name}.ffn_down`, block.down);
  }
  norm("output_norm", model.outputNorm);
  return file.build();
}

function writeMetadata(file: GgufWriter, { shape }: TrainingModel, vocabulary: Vocabulary): void {
  file.string("general.architecture", "llama");
  file.string("general.name", "modeld story");
  file.string("general.description", "Tells little stories. Made for modeld by tools/story, from its own grammar.");
  file.string("general.license", "mit");
  file.uint32("general.file_type", 1); // mostly F16
  file.uint32("llama.vocab_size", shape.vocabulary);
  file.uint32("llama.context_length", contextLength);
  file.uint32("llama.embedding_length", shape.width);
  file.uint32("llama.block_count", shape.blocks);
  file.uint32("llama.feed_forward_length", shape.hidden);
  file.uint32("llama.attention.head_count", shape.heads);
  file.uint32("llama.attention.head_count_kv", shape.kvHeads);
  file.float32("llama.attention.layer_norm_rms_epsilon", normEpsilon);
  file.uint32("llama.rope.dimension_count", shape.width / shape.heads);
  file.float32("llama.rope.freq_base", ropeBase);
  file.string("tokenizer.ggml.model", "llama");
  file.strings("tokenizer.ggml.tokens", vocabulary.pieces);
  file.float32s("tokenizer.ggml.scores", Array.from(vocabulary.scores));
  file.int32s("tokenizer.ggml.token_type", Array.from(vocabulary.kinds));
  file.uint32("tokenizer.ggml.unknown_token_id", 0);
  file.uint32("tokenizer.ggml.bos_token_id", vocabulary.bos);
  file.uint32("tokenizer.ggml.eos_token_id", vocabulary.eos);
  file.bool("tokenizer.ggml.add_bos_token", true);
  file.bool("tokenizer.ggml.add_eos_token", false);
  file.bool("tokenizer.ggml.add_space_prefix", true);
  file.string("tokenizer.chat_template", chatTemplate);
}
