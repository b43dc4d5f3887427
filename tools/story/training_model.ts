import { addProduct, at, columnsOf, rowsOf } from "./gemm.ts";

/** The size of a model; `width` is a multiple of `heads`, `heads` of `kvHeads`, and all but these of 4. */
export interface ModelShape {
  readonly vocabulary: number;
  readonly width: number;
  readonly blocks: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly hidden: number;
}

/** Weights, and how the loss changes with them. */
export class Weights {
  readonly values: Float64Array;
  readonly gradients: Float64Array;

  constructor(readonly rows: number, readonly columns: number, init: () => number) {
    this.values = Float64Array.from({ length: rows * columns }, init);
    this.gradients = new Float64Array(rows * columns);
  }
}

/** The weights of one block. */
export type BlockWeights = Readonly<
  Record<"attnNorm" | "query" | "key" | "value" | "attnOutput" | "ffnNorm" | "gate" | "up" | "down", Weights>
>;

/** Several texts that are learned at once, one after the other in rows; each begins at position 0. */
export interface Batch {
  readonly tokens: readonly number[];
  /** The token that is to be foretold at each row; -1 where nothing is learned. */
  readonly targets: readonly number[];
  /** The first row of each text, and the number of all rows, which is even. */
  readonly starts: readonly number[];
}

/** What a block has computed and its way back needs. */
interface BlockState {
  readonly input: Float64Array;
  readonly normed: Float64Array;
  readonly query: Float64Array;
  readonly key: Float64Array;
  readonly value: Float64Array;
  readonly shares: Float64Array;
  readonly mixed: Float64Array;
  readonly middle: Float64Array;
  readonly normedMiddle: Float64Array;
  readonly gate: Float64Array;
  readonly up: Float64Array;
  readonly gated: Float64Array;
}

export const ropeBase = 10_000;
export const normEpsilon = 1e-5;

/**
 * A `llama` model that can learn: RMS norm, rotary positions on neighbouring pairs, grouped heads, a gated feed-forward
 * layer, and an output that shares its weights with the embedding. Its backward pass is written by hand.
 */
export class TrainingModel {
  readonly shape: ModelShape;
  readonly embedding: Weights;
  readonly blocks: readonly BlockWeights[];
  readonly outputNorm: Weights;

  constructor(shape: ModelShape, random: () => number) {
    this.shape = shape;
    const { vocabulary, width, hidden, heads, kvHeads, blocks } = shape;
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const matrix = (rows: number, columns: number, deviation: number) =>
      new Weights(rows, columns, () => normal() * deviation);
    const ones = () => new Weights(1, width, () => 1);
    const keyWidth = (width / heads) * kvHeads;
    const inward = 1 / Math.sqrt(width);
    const outward = inward / Math.sqrt(2 * blocks);
    this.embedding = matrix(vocabulary, width, 0.05);
    this.blocks = Array.from({ length: blocks }, () => ({
      attnNorm: ones(),
      query: matrix(width, width, inward),
      key: matrix(keyWidth, width, inward),
      value: matrix(keyWidth, width, inward),
      attnOutput: matrix(width, width, outward),
      ffnNorm: ones(),
      gate: matrix(hidden, width, inward),
      up: matrix(hidden, width, inward),
      down: matrix(width, hidden, outward),
    }));
    this.outputNorm = ones();
  }

  /** All weights, in a fixed order. */
  get weights(): readonly Weights[] {
    return [this.embedding, ...this.blocks.flatMap((block) => Object.values(block)), this.outputNorm];
  }

  /** The mean loss of a batch, in nats a token; adds to the gradients of all weights. */
  learn(batch: Batch): number {
    const { width } = this.shape;
    const rows = batch.tokens.length;
    const x = new Float64Array(rows * width);
    for (const [row, token] of batch.tokens.entries()) {
      x.set(this.embedding.values.subarray(token * width, (token + 1) * width), row * width);
    }
    const states = this.blocks.map((block) => this.#forwardBlock(block, x, batch.starts));
    const normed = norm(x, this.outputNorm);
    const { loss, dLogits } = softmaxLoss(forward(normed, this.embedding), batch.targets, this.shape.vocabulary);

    const dx = normBackward(x, this.outputNorm, backward(dLogits, normed, this.embedding));
    for (const [index, block] of [...this.blocks.entries()].reverse()) {
      const state = states[index];
      if (state !== undefined) this.#backwardBlock(block, state, dx, batch.starts);
    }
    for (const [row, token] of batch.tokens.entries()) {
      for (let i = 0; i < width; i++) {
        const to = token * width + i;
        this.embedding.gradients[to] = at(this.embedding.gradients, to) + at(dx, row * width + i);
      }
    }
    return loss;
  }

  /** Changes x to what comes out of the block. */
  #forwardBlock(block: BlockWeights, x: Float64Array, starts: readonly number[]): BlockState {
    const input = x.slice();
    const normed = norm(input, block.attnNorm);
    const query = forward(normed, block.query);
    const key = forward(normed, block.key);
    const value = forward(normed, block.value);
    this.#rotate(query, block.query.rows, starts, 1);
    this.#rotate(key, block.key.rows, starts, 1);
    const { mixed, shares } = this.#attend(query, key, value, starts);
    add(x, forward(mixed, block.attnOutput));
    const middle = x.slice();
    const normedMiddle = norm(middle, block.ffnNorm);
    const gate = forward(normedMiddle, block.gate);
    const up = forward(normedMiddle, block.up);
    const gated = gate.map((z, i) => z * sigmoid(z) * at(up, i));
    add(x, forward(gated, block.down));
    return { input, normed, query, key, value, shares, mixed, middle, normedMiddle, gate, up, gated };
  }

  /** Changes dx from the gradient of what comes out of the block to that of what goes in. */
  #backwardBlock(block: BlockWeights, state: BlockState, dx: Float64Array, starts: readonly number[]): void {
    const dGated = backward(dx, state.gated, block.down);
    const dUp = new Float64Array(dGated.length);
    const dGate = new Float64Array(dGated.length);
    for (let i = 0; i < dGated.length; i++) {
      const z = at(state.gate, i);
      const s = sigmoid(z);
      dUp[i] = at(dGated, i) * z * s;
      dGate[i] = at(dGated, i) * at(state.up, i) * s * (1 + z * (1 - s));
    }
    const dNormedMiddle = backward(dUp, state.normedMiddle, block.up);
    add(dNormedMiddle, backward(dGate, state.normedMiddle, block.gate));
    add(dx, normBackward(state.middle, block.ffnNorm, dNormedMiddle));

    const { dQuery, dKey, dValue } = this.#attendBackward(state, backward(dx, state.mixed, block.attnOutput), starts);
    this.#rotate(dQuery, block.query.rows, starts, -1);
    this.#rotate(dKey, block.key.rows, starts, -1);
    const dNormed = backward(dQuery, state.normed, block.query);
    add(dNormed, backward(dKey, state.normed, block.key));
    add(dNormed, backward(dValue, state.normed, block.value));
    add(dx, normBackward(state.input, block.attnNorm, dNormed));
  }

  /** Turns neighbouring pairs by an angle that grows with the position; `direction` -1 turns gradients back. */
  #rotate(data: Float64Array, width: number, starts: readonly number[], direction: number): void {
    const size = this.shape.width / this.shape.heads;
    const speeds = Float64Array.from(
      { length: size / 2 },
      (_, pair) => 1 / Math.exp(Math.log(ropeBase) * 2 * pair / size),
    );
    for (let text = 0; text + 1 < starts.length; text++) {
      const start = starts[text] ?? 0;
      for (let row = start; row < (starts[text + 1] ?? 0); row++) {
        for (let pair = 0; pair < size / 2; pair++) {
          const angle = (row - start) * at(speeds, pair) * direction;
          const cos = Math.cos(angle);
          const sin = Math.sin(angle);
          for (let i = row * width + 2 * pair; i < (row + 1) * width; i += size) {
            const a = at(data, i);
            const b = at(data, i + 1);
            data[i] = a * cos - b * sin;
            data[i + 1] = a * sin + b * cos;
          }
        }
      }
    }
  }

  /** Mixes the values of all earlier rows of the same text, as much of each as the softmax of query and key says. */
  #attend(query: Float64Array, key: Float64Array, value: Float64Array, starts: readonly number[]) {
    const mixed = new Float64Array(query.length);
    const shares = new Float64Array(countShares(starts) * this.shape.heads);
    this.#forEachShareRow(starts, (q, k, rowWidth, count, share, size, scale) => {
      let sum = 0;
      let largest = -Infinity;
      for (let t = 0; t < count; t++) {
        let score = 0;
        const from = k + t * rowWidth;
        for (let i = 0; i < size; i++) score += at(query, q + i) * at(key, from + i);
        shares[share + t] = score * scale;
        if (score * scale > largest) largest = score * scale;
      }
      for (let t = 0; t < count; t++) sum += shares[share + t] = Math.exp(at(shares, share + t) - largest);
      for (let t = 0; t < count; t++) {
        const part = shares[share + t] = at(shares, share + t) / sum;
        const from = k + t * rowWidth;
        for (let i = 0; i < size; i++) {
          mixed[q + i] = at(mixed, q + i) + part * at(value, from + i);
        }
      }
    });
    return { mixed, shares };
  }

  #attendBackward({ query, key, value, shares }: BlockState, dMixed: Float64Array, starts: readonly number[]) {
    const dQuery = new Float64Array(query.length);
    const dKey = new Float64Array(key.length);
    const dValue = new Float64Array(value.length);
    const dShare = new Float64Array(Math.max(...starts));
    this.#forEachShareRow(starts, (q, k, rowWidth, count, share, size, scale) => {
      let mean = 0;
      for (let t = 0; t < count; t++) {
        const part = at(shares, share + t);
        let d = 0;
        const from = k + t * rowWidth;
        for (let i = 0; i < size; i++) {
          const dm = at(dMixed, q + i);
          d += dm * at(value, from + i);
          dValue[from + i] = at(dValue, from + i) + part * dm;
        }
        dShare[t] = d;
        mean += part * d;
      }
      for (let t = 0; t < count; t++) {
        const dScore = at(shares, share + t) * (at(dShare, t) - mean) * scale;
        const from = k + t * rowWidth;
        for (let i = 0; i < size; i++) {
          dQuery[q + i] = at(dQuery, q + i) + dScore * at(key, from + i);
          dKey[from + i] = at(dKey, from + i) + dScore * at(query, q + i);
        }
      }
    });
    return { dQuery, dKey, dValue };
  }

  /** Calls back for every row and head: where its query begins, where the text's first key does, and where its shares do. */
  #forEachShareRow(
    starts: readonly number[],
    visit: (q: number, k: number, rowWidth: number, count: number, share: number, size: number, scale: number) => void,
  ): void {
    const { width, heads, kvHeads } = this.shape;
    const size = width / heads;
    const keyWidth = size * kvHeads;
    let share = 0;
    for (let text = 0; text + 1 < starts.length; text++) {
      const start = starts[text] ?? 0;
      for (let row = start; row < (starts[text + 1] ?? 0); row++) {
        const count = row - start + 1;
        for (let head = 0; head < heads; head++) {
          const k = start * keyWidth + Math.floor(head * kvHeads / heads) * size;
          visit(row * width + head * size, k, keyWidth, count, share, size, 1 / Math.sqrt(size));
          share += count;
        }
      }
    }
  }
}

/** How many pairs of a row and an earlier row of the same text there are. */
function countShares(starts: readonly number[]): number {
  let count = 0;
  for (let text = 0; text + 1 < starts.length; text++) {
    const rows = (starts[text + 1] ?? 0) - (starts[text] ?? 0);
    count += rows * (rows + 1) / 2;
  }
  return count;
}

function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}

function add(to: Float64Array, what: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] = at(to, i) + at(what, i);
}

/** Every row through a matrix of weights. */
function forward(x: Float64Array, weights: Weights): Float64Array {
  const { values, rows: outputs, columns: inputs } = weights;
  const rows = x.length / inputs;
  const y = new Float64Array(rows * outputs);
  addProduct(y, rows, outputs, inputs, rowsOf(x, inputs), rowsOf(values, inputs));
  return y;
}

/** The gradient of what went in; adds to that of the weights. */
function backward(dy: Float64Array, x: Float64Array, weights: Weights): Float64Array {
  const { values, gradients, rows: outputs, columns: inputs } = weights;
  const rows = x.length / inputs;
  addProduct(gradients, outputs, inputs, rows, columnsOf(dy, outputs), columnsOf(x, inputs));
  const dx = new Float64Array(x.length);
  addProduct(dx, rows, inputs, outputs, rowsOf(dy, outputs), columnsOf(values, inputs));
  return dx;
}

/** Scales every row to a mean square of one, and its numbers by the weights. */
function norm(x: Float64Array, { values, columns }: Weights): Float64Array {
  const y = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += columns) {
    const scale = normScale(x, row, columns);
    for (let i = 0; i < columns; i++) y[row + i] = at(x, row + i) * scale * at(values, i);
  }
  return y;
}

function normBackward(x: Float64Array, { values, gradients, columns }: Weights, dy: Float64Array): Float64Array {
  const dx = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += columns) {
    const scale = normScale(x, row, columns);
    let along = 0;
    for (let i = 0; i < columns; i++) {
      gradients[i] = at(gradients, i) + at(dy, row + i) * at(x, row + i) * scale;
      along += at(dy, row + i) * at(values, i) * at(x, row + i);
    }
    const back = along * scale * scale * scale / columns;
    for (let i = 0; i < columns; i++) dx[row + i] = at(dy, row + i) * at(values, i) * scale - at(x, row + i) * back;
  }
  return dx;
}

function normScale(x: Float64Array, row: number, columns: number): number {
  let sum = 0;
  for (let i = 0; i < columns; i++) sum += at(x, row + i) * at(x, row + i);
  return 1 / Math.sqrt(sum / columns + normEpsilon);
}

/** The mean of `-log p(target)`; the logits become their own gradient. */
function softmaxLoss(logits: Float64Array, targets: readonly number[], columns: number) {
  const learned = targets.reduce((count, target) => target < 0 ? count : count + 1, 0);
  let loss = 0;
  for (const [index, target] of targets.entries()) {
    const row = logits.subarray(index * columns, (index + 1) * columns);
    if (target < 0) {
      row.fill(0);
      continue;
    }
    let largest = -Infinity;
    for (let i = 0; i < columns; i++) if (at(row, i) > largest) largest = at(row, i);
    const wanted = at(row, target) - largest;
    let sum = 0;
    for (let i = 0; i < columns; i++) sum += row[i] = Math.exp(at(row, i) - largest);
    for (let i = 0; i < columns; i++) row[i] = at(row, i) / sum / learned;
    row[target] = at(row, target) - 1 / learned;
    loss += (Math.log(sum) - wanted) / learned;
  }
  return { loss, dLogits: logits };
}
