import { assert } from "@std/assert";
import { randomNumbers } from "../../../src/demo/random.ts";
import { type Batch, TrainingModel } from "../../../tools/story/training_model.ts";

const batch: Batch = {
  tokens: [1, 5, 7, 5, 3, 2, 1, 4, 4, 6],
  targets: [5, 7, 5, 3, 2, -1, -1, 4, 6, 2],
  starts: [0, 6, 10],
};

Deno.test("every gradient is the slope of the loss, two texts in a batch, grouped heads", () => {
  const model = new TrainingModel(
    { vocabulary: 8, width: 16, blocks: 2, heads: 4, kvHeads: 2, hidden: 12 },
    randomNumbers(3),
  );
  // Norms of all ones would hide an error in them.
  const random = randomNumbers(4);
  for (const { values } of model.weights) {
    for (let i = 0; i < values.length; i++) values[i] = (values[i] ?? 0) + (random() - 0.5) / 5;
  }

  model.learn(batch);
  const gradients = model.weights.map((weights) => weights.gradients.slice());
  const step = 1e-5;
  for (const [index, { values }] of model.weights.entries()) {
    // Some of each are enough: an error in a formula shows in nearly every one.
    for (let i = 0; i < values.length; i += Math.ceil(values.length / 12)) {
      const value = values[i] ?? 0;
      values[i] = value + step;
      const above = model.learn(batch);
      values[i] = value - step;
      const below = model.learn(batch);
      values[i] = value;
      const slope = (above - below) / (2 * step);
      const gradient = gradients[index]?.[i] ?? 0;
      assert(
        Math.abs(slope - gradient) < 1e-7 + 1e-5 * Math.abs(slope),
        `weights ${index}, ${i}: ${gradient} for ${slope}`,
      );
    }
  }
});
