/**
 * `deno task story`: trains the model that tells stories, writes it where the demo finds it, and records what it is made
 * of in `hashes.json`. With `--check` it writes nothing and fails where the repository has another model.
 */
import hashes from "./hashes.json" with { type: "json" };
import { beginningHash, corpusHash, sha256 } from "./hashes.ts";
import { storyGguf } from "./story_gguf.ts";
import { plan, storyVocabulary, train } from "./train.ts";

const modelPath = new URL("../../src/demo/story.gguf", import.meta.url);
const hashesPath = new URL("hashes.json", import.meta.url);

const begin = performance.now();
let tokens = 0;
let smoothed = 0;
const vocabulary = storyVocabulary();
const model = train(vocabulary, plan, (step, loss, count) => {
  tokens += count;
  smoothed = step === 0 ? loss : 0.98 * smoothed + 0.02 * loss;
  if (step % 50 !== 49) return;
  const speed = Math.round(tokens / (performance.now() - begin) * 1000);
  console.log(`step ${step + 1} of ${plan.steps}: loss ${smoothed.toFixed(3)}, ${speed} tokens/s`);
});
const file = storyGguf(model, vocabulary);
const found = { corpus: await corpusHash(), beginning: await beginningHash(), model: await sha256(file) };

if (Deno.args.includes("--check")) {
  const isSame = JSON.stringify(found) === JSON.stringify(hashes);
  console.log(isSame ? "the model is the one in the repository" : `this is another model: ${JSON.stringify(found)}`);
  Deno.exit(isSame ? 0 : 1);
}
await Deno.writeFile(modelPath, file);
await Deno.writeTextFile(hashesPath, `${JSON.stringify(found, undefined, 2)}\n`);
console.log(`wrote ${modelPath.pathname}: ${file.length} bytes`);
