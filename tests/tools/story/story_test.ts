import { assert, assertEquals, assertMatch } from "@std/assert";
import { loadEngine } from "../../../src/demo/generation.ts";
import { randomNumbers } from "../../../src/demo/random.ts";
import { defaultSampling } from "../../../src/demo/sampler.ts";
import { readStoryModel, renderChat } from "../../../src/demo/story_model.ts";
import hashes from "../../../tools/story/hashes.json" with { type: "json" };
import { names } from "../../../tools/story/grammar.ts";
import { beginningHash, corpusHash, sha256 } from "../../../tools/story/hashes.ts";
import { makeExample } from "../../../tools/story/story.ts";

Deno.test("the grammar generates the corpus that the model has learned from", async () => {
  assertEquals(await corpusHash(), hashes.corpus);
});

Deno.test("training begins in the same way on every machine, to the last bit", async () => {
  assertEquals(await beginningHash(), hashes.beginning);
});

Deno.test("the model is the one that was recorded, and at most 1 MB", async () => {
  const model = await readStoryModel();
  assertEquals(await sha256(model), hashes.model);
  assert(model.length <= 1_000_000);
});

Deno.test("a thousand stories have no gap, and call nobody by two names", () => {
  const random = randomNumbers(5);
  for (let i = 0; i < 1000; i++) {
    const { story } = makeExample(random);
    assertMatch(story, /^[A-Z][A-Za-z ,.!?"']+[.!]$/);
    assertEquals(/ a [aeiou]| an [^aeiou]/.test(story), false, story);
    const names = story.match(/(?<=named )\w+/g) ?? [];
    assertEquals([names.length, new Set(names).size], [2, 2], story);
  }
});

/** What the model writes; the same for the same seed. */
function tell(prompt: string, temperature: number, seed: number): { text: string; ended: boolean } {
  const steps = engine.generate({
    ...defaultSampling,
    temperature,
    prompt: engine.tokenizer.encode(prompt),
    maxTokens: -1,
    stop: [],
    random: randomNumbers(seed),
  });
  let text = "";
  while (true) {
    const { done, value } = steps.next();
    if (done === true) return { text, ended: value.stopType === "eos" };
    text += value.text;
  }
}

const knownNames = new RegExp(`\\b(${[...names.she, ...names.he].join("|")})\\b`, "g");
const engine = loadEngine(await readStoryModel());
const knownWords = new Set(
  Array.from({ length: 2000 }, (_, seed) => makeExample(randomNumbers(seed)).story).join(" ").match(/[A-Za-z]+/g),
);

Deno.test("the model tells whole stories, of words that the grammar has, whatever it is asked", () => {
  const prompts = [
    "Once upon a time",
    "There was a little robot named",
    renderChat(["Tell me a story about a fox and a kite."]),
    renderChat(["Hello!"]),
    renderChat(["What is the capital of France?"]),
    renderChat(["日本語で話して"]),
  ];
  for (const [seed, prompt] of prompts.entries()) {
    for (const temperature of [0, 0.8]) {
      const { text, ended } = tell(prompt, temperature, seed);
      assert(ended && text.length > 200 && text.length < 1500, `${prompt}: ${text}`);
      const strange = (text.match(/[A-Za-z]+/g) ?? []).slice(1).filter((word) => !knownWords.has(word));
      assertEquals(strange, [], `${prompt}: ${text}`);
    }
  }
});

Deno.test("nearly every story has two characters, who keep their names to its end", () => {
  const stories = Array.from({ length: 40 }, (_, seed) => tell(renderChat(["Tell me a story."]), 0.8, seed).text);
  const good = stories.filter((story) => new Set(story.match(knownNames)).size === 2);
  assert(
    good.length >= 34,
    `${good.length} of 40; the others:\n${stories.filter((story) => !good.includes(story)).join("\n")}`,
  );
});
