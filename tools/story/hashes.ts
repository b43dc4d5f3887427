import { storyGguf } from "./story_gguf.ts";
import { documents, storyVocabulary, train } from "./train.ts";

/** Documents that stand for the whole corpus. */
const documentCount = 2_000;
/** Steps that stand for the whole training: a difference between two machines would show at once. */
const plan = Object.freeze({ steps: 2, tokensPerStep: 200, highestRate: 5e-3 });

/** SHA-256 in hexadecimal. */
export async function sha256(data: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex();
}

/** The hash of what the grammar generates. */
export function corpusHash(): Promise<string> {
  return sha256(new TextEncoder().encode([...documents(documentCount)].join("\n\n")));
}

/** The hash of a model that has only begun to learn. */
export function beginningHash(): Promise<string> {
  const vocabulary = storyVocabulary();
  return sha256(storyGguf(train(vocabulary, plan, () => {}), vocabulary));
}
