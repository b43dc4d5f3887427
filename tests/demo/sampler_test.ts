import { assert, assertEquals } from "@std/assert";
import { randomNumbers } from "../../src/demo/random.ts";
import { chooseToken, defaultSampling, type Sampling } from "../../src/demo/sampler.ts";

/** How often each of four tokens is chosen in a thousand, with these logarithms of their probabilities. */
function frequencies(
  changes: Partial<Sampling>,
  probabilities: readonly number[] = [0.5, 0.3, 0.15, 0.05],
  recent: readonly number[] = [],
): [number, number, number, number] {
  const counts: [number, number, number, number] = [0, 0, 0, 0];
  const random = randomNumbers(1);
  const sampling = { ...defaultSampling, temperature: 1, topK: 0, topP: 1, minP: 0, ...changes };
  for (let i = 0; i < 1000; i++) {
    const logits = Float32Array.from(probabilities, Math.log);
    const token = chooseToken(logits, recent, sampling, random) as 0 | 1 | 2 | 3;
    counts[token]++;
  }
  return counts;
}

Deno.test("temperature 0 takes the likeliest, of equal ones the first", () => {
  assertEquals(frequencies({ temperature: 0 }), [1000, 0, 0, 0]);
  assertEquals(frequencies({ temperature: 0 }, [0.2, 0.4, 0.4]), [0, 1000, 0, 0]);
});

Deno.test("at temperature 1 tokens come as often as they are likely", () => {
  const [a, b, c, d] = frequencies({});
  assert(Math.abs(a - 500) < 50 && Math.abs(b - 300) < 50 && Math.abs(c - 150) < 40 && Math.abs(d - 50) < 25);
});

Deno.test("a low temperature makes the likeliest likelier", () => {
  assert(frequencies({ temperature: 0.5 })[0] > 600);
});

Deno.test("top k, top p and min p each leave the unlikely out", () => {
  assertEquals(frequencies({ topK: 2 }).slice(2), [0, 0]);
  assertEquals(frequencies({ topP: 0.75 }).slice(2), [0, 0]);
  assertEquals(frequencies({ minP: 0.4 }).slice(2), [0, 0]);
  assertEquals(frequencies({ topK: 1 })[0], 1000);
  assertEquals(frequencies({ topP: 0 })[0], 1000);
});

Deno.test("a penalty makes what was there less likely, whether its logit is positive or not", () => {
  assertEquals(frequencies({ temperature: 0, repeatPenalty: 2 }, [0.5, 0.3, 0.15, 0.05], [0])[1], 1000);
  assertEquals(frequencies({ temperature: 0, repeatPenalty: 4 }, [3, 2, 1.9, 0], [0])[1], 1000);
  assertEquals(frequencies({ temperature: 0, repeatPenalty: 2 }, [0.5, 0.3], [1])[0], 1000);
});
