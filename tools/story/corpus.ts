import type { Tokenizer } from "../../src/demo/tokenizer.ts";
import { makeExample } from "./story.ts";

/** One text to learn from. */
export interface TrainingText {
  readonly tokens: readonly number[];
  /** The first token that is to be foretold; those before it are only read. */
  readonly learnFrom: number;
}

/** How often a story without a request begins in its middle, so that the model can go on with any sentence. */
const beginsInTheMiddle = 0.2;

/** What the model reads: the request on a line of its own, if there is one, and the story. */
export function documentText(request: string, story: string): string {
  return request === "" ? story : `${request}\n${story}`;
}

/** The sentences that introduce somebody. */
export const shortestStory = 2;

/**
 * Makes one text to learn from. What people ask is not learned, only what answers it. The shortest texts are beginnings of
 * stories that nobody has asked for.
 *
 * @param sentences how many of a story's sentences there are at most.
 */
export function makeTrainingText(tokenizer: Tokenizer, random: () => number, sentences: number): TrainingText {
  const example = makeExample(random);
  const isShortest = sentences <= shortestStory;
  const isAsked = !isShortest && example.request !== "";
  const isMiddle = !isShortest && !isAsked && random() < beginsInTheMiddle;
  const first = isMiddle ? Math.floor(random() * example.sentences.length) : 0;
  const part = example.sentences.slice(first, first + sentences).join(" ");
  const isEnd = first + sentences >= example.sentences.length;
  const tokens = tokenizer.encode(documentText(isAsked ? example.request : "", part));
  return {
    tokens: isEnd ? [...tokens, tokenizer.eos] : tokens,
    learnFrom: isAsked ? tokenizer.encode(example.request).length : first === 0 ? 1 : 2,
  };
}
