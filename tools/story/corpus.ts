import type { Tokenizer } from "../../src/demo/tokenizer.ts";
import { type Example, makeExample } from "./story.ts";

/** One text to learn from. */
export interface TrainingText {
  readonly tokens: readonly number[];
  /** The first token that is to be foretold; those before it are only read. */
  readonly learnFrom: number;
}

/** How often a story without a request begins in its middle, so that the model can go on with any sentence. */
const beginsInTheMiddle = 0.2;

/** What the model reads: the request on a line of its own, if there is one, and the story. */
export function documentText({ request, story }: Example): string {
  return request === "" ? story : `${request}\n${story}`;
}

/** Makes one text to learn from. What people ask is not learned, only what answers it. */
export function makeTrainingText(tokenizer: Tokenizer, random: () => number): TrainingText {
  const example = makeExample(random);
  if (example.request !== "") {
    const tokens = [...tokenizer.encode(documentText(example)), tokenizer.eos];
    return { tokens, learnFrom: tokenizer.encode(example.request).length };
  }
  const first = random() < beginsInTheMiddle ? Math.floor(random() * example.sentences.length) : 0;
  const tokens = [...tokenizer.encode(example.sentences.slice(first).join(" ")), tokenizer.eos];
  return { tokens, learnFrom: first === 0 ? 1 : 2 };
}
