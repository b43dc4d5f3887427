/**
 * `deno task story`: trains the model that tells stories and writes it where the demo finds it. With `--check` it writes
 * nothing and fails where the file in the repository is another one.
 */
import { storyGguf } from "./story_gguf.ts";
import { plan, storyVocabulary, train } from "./train.ts";

const path = new URL("../../src/demo/story.gguf", import.meta.url);

const begin = performance.now();
let tokens = 0;
let smoothed = 0;
const vocabulary = storyVocabulary();
const model = train(vocabulary, plan, (step, loss, count) => {
  tokens += count;
  smoothed = step === 0 ? loss : 0.98 * smoothed + 0.02 * loss;
  const seconds = (performance.now() - begin) / 1000;
  if (step % 50 === 49) {
    console.log(
      `step ${step + 1} of ${plan.steps}: loss ${smoothed.toFixed(3)}, ${Math.round(tokens / seconds)} tokens/s`,
    );
  }
});
const file = storyGguf(model, vocabulary);
if (Deno.args.includes("--check")) {
  const same = (await Deno.readFile(path)).every((byte, index) => byte === file[index]);
  console.log(same ? "the model is the one in the repository" : "the model is NOT the one in the repository");
  Deno.exit(same ? 0 : 1);
}
await Deno.writeFile(path, file);
console.log(`wrote ${path.pathname}: ${file.length} bytes`);
