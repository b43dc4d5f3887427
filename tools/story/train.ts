import { Tokenizer, type Vocabulary } from "../../src/demo/tokenizer.ts";
import { randomNumbers } from "../../src/demo/random.ts";
import { Adam } from "./adam.ts";
import { documentText, makeTrainingText, shortestStory, type TrainingText } from "./corpus.ts";
import { makeExample } from "./story.ts";
import { type Batch, TrainingModel } from "./training_model.ts";
import { makeVocabulary } from "./vocabulary.ts";

const seeds = Object.freeze({ vocabulary: 1, weights: 2, corpus: 3 });
const shape = Object.freeze({ vocabulary: 1024, width: 64, blocks: 4, heads: 4, kvHeads: 2, hidden: 176 });
const vocabularyTexts = 3_000;
const warmUpSteps = 60;
/** The part of the training in which stories have two sentences. */
const introduction = 0.08;

/** How long to train, and how fast. */
export interface Plan {
  readonly steps: number;
  /** At least so many, in whole texts. */
  readonly tokensPerStep: number;
  readonly highestRate: number;
}

/** What makes the model in the repository: about 20 minutes on one core that has nothing else to do. */
export const plan: Plan = Object.freeze({ steps: 3_200, tokensPerStep: 500, highestRate: 4e-3 });

/** A part of the corpus, one document after the other, that is the same for the same seed. */
export function* documents(count: number, seed: number = seeds.vocabulary): Generator<string> {
  const random = randomNumbers(seed);
  for (let i = 0; i < count; i++) {
    const { request, story } = makeExample(random);
    yield documentText(request, story);
  }
}

/** The model's vocabulary. */
export function storyVocabulary(): Vocabulary {
  return makeVocabulary(documents(vocabularyTexts), shape.vocabulary);
}

/** Trains a model; the same plan gives the same model. Calls back after every step. */
export function train(
  vocabulary: Vocabulary,
  { steps, tokensPerStep, highestRate }: Plan,
  onStep: (step: number, loss: number, tokens: number) => void,
): TrainingModel {
  const tokenizer = new Tokenizer(vocabulary);
  const model = new TrainingModel(shape, randomNumbers(seeds.weights));
  const adam = new Adam(model.weights);
  const random = randomNumbers(seeds.corpus);
  for (let step = 0; step < steps; step++) {
    const batch = joinTexts(makeTexts(tokenizer, random, step / steps, tokensPerStep));
    const loss = model.learn(batch);
    // Up to the highest rate within a few steps, then down along a cosine to zero.
    const warmth = Math.min(1, (step + 1) / warmUpSteps);
    adam.step(highestRate * warmth * (1 + Math.cos(Math.PI * step / steps)) / 2);
    onStep(step, loss, batch.tokens.length);
  }
  return model;
}

/**
 * How many sentences of a story are learned when this part of the training is done: at first the two that introduce
 * somebody, then mostly few, and at last whole stories. Over a short way the model soon finds out that a name is one that
 * was there before, and then over longer ones; from whole stories alone it does not in ten times as many steps.
 */
function longestStory(done: number, random: () => number): number {
  if (done < introduction) return shortestStory;
  return random() < done ? Infinity : shortestStory + Math.floor(13 * random() * random());
}

function makeTexts(tokenizer: Tokenizer, random: () => number, done: number, tokens: number): TrainingText[] {
  const texts: TrainingText[] = [];
  for (let count = 0; count < tokens;) {
    const text = makeTrainingText(tokenizer, random, longestStory(done, random));
    texts.push(text);
    count += text.tokens.length;
  }
  return texts;
}

/** Puts texts one after the other; each row foretells the token after it. */
function joinTexts(texts: readonly TrainingText[]): Batch {
  const tokens: number[] = [];
  const targets: number[] = [];
  const starts: number[] = [0];
  for (const text of texts) {
    for (let i = 0; i + 1 < text.tokens.length; i++) {
      tokens.push(text.tokens[i] ?? 0);
      targets.push(i + 1 < text.learnFrom ? -1 : text.tokens[i + 1] ?? -1);
    }
    if (tokens.length % 2 === 1) {
      tokens.push(0);
      targets.push(-1);
    }
    starts.push(tokens.length);
  }
  return { tokens, targets, starts };
}
