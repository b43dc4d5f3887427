import type { GgufFile, Tensor } from "./gguf_file.ts";

/** A matrix that vectors go through; its rows stand one after the other. */
interface Matrix {
  readonly weights: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly isHalf: boolean;
}

interface Block {
  readonly attnNorm: Float32Array;
  readonly query: Matrix;
  readonly key: Matrix;
  readonly value: Matrix;
  readonly attnOutput: Matrix;
  readonly ffnNorm: Float32Array;
  readonly gate: Matrix;
  readonly up: Matrix;
  readonly down: Matrix;
  /** What is kept of every position: its keys and values. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
}

/**
 * A model of the `llama` architecture that runs token by token, in the precision of llama.cpp on a CPU: what goes through
 * an F16 matrix is rounded to F16 first, and so are the keys and values that are kept.
 */
export class Transformer {
  /** How many positions it can look back on. */
  readonly contextLength: number;
  readonly #width: number;
  readonly #heads: number;
  readonly #headWidth: number;
  readonly #sharing: number;
  readonly #keyWidth: number;
  readonly #epsilon: number;
  readonly #embedding: Matrix;
  readonly #blocks: readonly Block[];
  readonly #outputNorm: Float32Array;
  readonly #output: Matrix;
  readonly #cosines: Float32Array;
  readonly #sines: Float32Array;

  // Vectors that every token overwrites.
  readonly #x: Float32Array;
  readonly #normed: Float32Array;
  readonly #rounded: Float32Array;
  readonly #query: Float32Array;
  readonly #mixed: Float32Array;
  readonly #change: Float32Array;
  readonly #gate: Float32Array;
  readonly #up: Float32Array;
  readonly #shares: Float32Array;
  readonly #logits: Float32Array;

  /** @throws Error where the file holds another architecture, or a tensor that is not read. */
  constructor(file: GgufFile) {
    const architecture = file.text("general.architecture");
    if (architecture !== "llama") throw new Error(`the model's architecture is ${architecture}; only llama is run`);
    this.contextLength = file.number("llama.context_length");
    this.#width = file.number("llama.embedding_length");
    this.#heads = file.number("llama.attention.head_count");
    this.#headWidth = this.#width / this.#heads;
    const kvHeads = file.has("llama.attention.head_count_kv")
      ? file.number("llama.attention.head_count_kv")
      : this.#heads;
    this.#sharing = this.#heads / kvHeads;
    this.#keyWidth = kvHeads * this.#headWidth;
    this.#epsilon = file.number("llama.attention.layer_norm_rms_epsilon");
    const hidden = file.number("llama.feed_forward_length");

    this.#embedding = matrix(file.tensor("token_embd.weight"));
    this.#output = file.hasTensor("output.weight") ? matrix(file.tensor("output.weight")) : this.#embedding;
    this.#outputNorm = file.tensor("output_norm.weight").values;
    this.#blocks = Array.from({ length: file.number("llama.block_count") }, (_, index) => {
      const tensor = (name: string) => file.tensor(`blk.${index}.${name}.weight`);
      return {
        attnNorm: tensor("attn_norm").values,
        query: matrix(tensor("attn_q")),
        key: matrix(tensor("attn_k")),
        value: matrix(tensor("attn_v")),
        attnOutput: matrix(tensor("attn_output")),
        ffnNorm: tensor("ffn_norm").values,
        gate: matrix(tensor("ffn_gate")),
        up: matrix(tensor("ffn_up")),
        down: matrix(tensor("ffn_down")),
        keys: new Float32Array(this.contextLength * this.#keyWidth),
        values: new Float32Array(this.contextLength * this.#keyWidth),
      };
    });

    const base = file.has("llama.rope.freq_base") ? file.number("llama.rope.freq_base") : 10_000;
    const pairs = this.#headWidth / 2;
    const angle = (index: number) => Math.floor(index / pairs) * base ** (-(index % pairs) / pairs);
    const angles = Float64Array.from({ length: this.contextLength * pairs }, (_, index) => angle(index));
    this.#cosines = new Float32Array(angles.map(Math.cos));
    this.#sines = new Float32Array(angles.map(Math.sin));

    const vector = (length = this.#width) => new Float32Array(length);
    [this.#x, this.#normed, this.#query, this.#mixed, this.#change] = [
      vector(),
      vector(),
      vector(),
      vector(),
      vector(),
    ];
    this.#rounded = vector(Math.max(this.#width, hidden));
    [this.#gate, this.#up] = [vector(hidden), vector(hidden)];
    this.#shares = vector(this.contextLength);
    this.#logits = vector(this.#output.rows);
  }

  /**
   * Takes the token at this position, after those at all earlier ones, and returns how likely each token is to follow: the
   * array is overwritten by the next call. Positions from here on are forgotten.
   */
  predict(token: number, position: number): Float32Array {
    this.read(token, position);
    this.#normalize(this.#outputNorm);
    this.#multiply(this.#logits, this.#output, this.#normed);
    return this.#logits;
  }

  /** Takes a token without asking what follows it. */
  read(token: number, position: number): void {
    const start = token * this.#width;
    this.#x.set(this.#embedding.weights.subarray(start, start + this.#width));
    for (const block of this.#blocks) {
      this.#normalize(block.attnNorm);
      this.#attend(block, position);
      this.#multiply(this.#change, block.attnOutput, this.#mixed);
      addTo(this.#x, this.#change);

      this.#normalize(block.ffnNorm);
      this.#multiply(this.#gate, block.gate, this.#normed);
      this.#multiply(this.#up, block.up, this.#normed);
      for (let i = 0; i < this.#gate.length; i++) {
        const z = at(this.#gate, i);
        this.#gate[i] = z / (1 + Math.exp(-z)) * at(this.#up, i);
      }
      this.#multiply(this.#change, block.down, this.#gate);
      addTo(this.#x, this.#change);
    }
  }

  #attend({ query, key, value, keys, values }: Block, position: number): void {
    const from = position * this.#keyWidth;
    const ownKeys = keys.subarray(from, from + this.#keyWidth);
    const ownValues = values.subarray(from, from + this.#keyWidth);
    this.#multiply(this.#query, query, this.#normed);
    this.#multiply(ownKeys, key, this.#normed);
    this.#multiply(ownValues, value, this.#normed);
    this.#rotate(this.#query, position);
    this.#rotate(ownKeys, position);
    roundToHalf(ownKeys, ownKeys);
    roundToHalf(ownValues, ownValues);
    this.#mixed.fill(0);
    for (let head = 0; head < this.#heads; head++) {
      this.#mixHead(head * this.#headWidth, Math.floor(head / this.#sharing) * this.#headWidth, keys, values, position);
    }
  }

  /** Mixes the values of all positions so far, as much of each as the softmax of query and key says. */
  #mixHead(own: number, shared: number, keys: Float32Array, values: Float32Array, position: number): void {
    const size = this.#headWidth;
    const scale = 1 / Math.sqrt(size);
    const [query, shares, mixed] = [this.#query, this.#shares, this.#mixed];
    let largest = -Infinity;
    for (let t = 0; t <= position; t++) {
      const from = shared + t * this.#keyWidth;
      let score = 0;
      for (let i = 0; i < size; i++) score += at(query, own + i) * at(keys, from + i);
      shares[t] = score *= scale;
      if (score > largest) largest = score;
    }
    let sum = 0;
    for (let t = 0; t <= position; t++) sum += shares[t] = Math.exp(at(shares, t) - largest);
    for (let t = 0; t <= position; t++) {
      const from = shared + t * this.#keyWidth;
      const share = at(shares, t) / sum;
      for (let i = 0; i < size; i++) mixed[own + i] = at(mixed, own + i) + share * at(values, from + i);
    }
  }

  /** Turns neighbouring pairs by angles that grow with the position. */
  #rotate(heads: Float32Array, position: number): void {
    const pairs = this.#headWidth / 2;
    for (let i = 0; i < heads.length; i += 2) {
      const angle = position * pairs + (i / 2) % pairs;
      const [cos, sin] = [at(this.#cosines, angle), at(this.#sines, angle)];
      const [a, b] = [at(heads, i), at(heads, i + 1)];
      heads[i] = a * cos - b * sin;
      heads[i + 1] = a * sin + b * cos;
    }
  }

  #normalize(weights: Float32Array): void {
    let sum = 0;
    for (let i = 0; i < this.#width; i++) sum += at(this.#x, i) * at(this.#x, i);
    const scale = 1 / Math.sqrt(sum / this.#width + this.#epsilon);
    for (let i = 0; i < this.#width; i++) this.#normed[i] = at(this.#x, i) * scale * at(weights, i);
  }

  #multiply(result: Float32Array, { weights, rows, columns, isHalf }: Matrix, vector: Float32Array): void {
    let input = vector;
    if (isHalf) roundToHalf(input = this.#rounded, vector);
    for (let row = 0; row < rows; row++) {
      const from = row * columns;
      let [a, b, c, d] = [0, 0, 0, 0];
      for (let i = 0; i < columns; i += 4) {
        a += at(weights, from + i) * at(input, i);
        b += at(weights, from + i + 1) * at(input, i + 1);
        c += at(weights, from + i + 2) * at(input, i + 2);
        d += at(weights, from + i + 3) * at(input, i + 3);
      }
      result[row] = a + b + c + d;
    }
  }
}

function matrix({ values, shape: [columns = 0, rows = 0], isHalf }: Tensor): Matrix {
  if (columns % 4 !== 0) throw new Error(`the model has a matrix of ${columns} columns, which is no multiple of 4`);
  return { weights: values, rows, columns, isHalf };
}

function roundToHalf(to: Float32Array, from: Float32Array): void {
  for (let i = 0; i < from.length; i++) to[i] = Math.f16round(at(from, i));
}

function addTo(to: Float32Array, what: Float32Array): void {
  for (let i = 0; i < to.length; i++) to[i] = at(to, i) + at(what, i);
}

/** A number inside an array, where the caller knows that there is one. */
function at(numbers: Float32Array, index: number): number {
  return numbers[index] as number;
}
