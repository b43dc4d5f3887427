import { at } from "./gemm.ts";
import type { Weights } from "./training_model.ts";

const momentum = 0.9;
const memory = 0.98;
const epsilon = 1e-9;
/** A gradient longer than this is shortened to it. */
const longestGradient = 1;

/** Adam: moves weights along their smoothed gradients, each at a pace of its own (arxiv.org/abs/1412.6980). */
export class Adam {
  readonly #weights: readonly Weights[];
  readonly #means: readonly Float64Array[];
  readonly #squares: readonly Float64Array[];
  #steps = 0;

  constructor(weights: readonly Weights[]) {
    this.#weights = weights;
    this.#means = weights.map(({ values }) => new Float64Array(values.length));
    this.#squares = weights.map(({ values }) => new Float64Array(values.length));
  }

  /** One step at this rate; the gradients are zero afterwards. */
  step(rate: number): void {
    this.#steps++;
    const shorten = Math.min(1, longestGradient / this.#gradientLength());
    const meanScale = 1 / (1 - power(momentum, this.#steps));
    const squareScale = 1 / (1 - power(memory, this.#steps));
    for (const [index, { values, gradients }] of this.#weights.entries()) {
      const means = this.#means[index] ?? new Float64Array();
      const squares = this.#squares[index] ?? new Float64Array();
      for (let i = 0; i < values.length; i++) {
        const gradient = at(gradients, i) * shorten;
        const mean = means[i] = momentum * at(means, i) + (1 - momentum) * gradient;
        const square = squares[i] = memory * at(squares, i) + (1 - memory) * gradient * gradient;
        values[i] = at(values, i) - rate * mean * meanScale / (Math.sqrt(square * squareScale) + epsilon);
      }
      gradients.fill(0);
    }
  }

  #gradientLength(): number {
    let sum = 0;
    for (const { gradients } of this.#weights) {
      for (let i = 0; i < gradients.length; i++) sum += at(gradients, i) * at(gradients, i);
    }
    return Math.sqrt(sum);
  }
}

/** A power by multiplication: `**` may differ between machines in the last bit, and the model is to be the same on all. */
function power(base: number, exponent: number): number {
  let result = 1;
  for (let i = 0; i < exponent; i++) result *= base;
  return result;
}
