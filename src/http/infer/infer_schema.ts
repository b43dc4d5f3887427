import * as z from "zod";

// Each message follows the field's name: "temperature" + " " + "must be a finite number".
const text = z.string({ error: "must be a string" }).refine((value) => value.isWellFormed(), {
  error: "holds half of a surrogate pair, which is no valid text",
});
const number = z.number({ error: "must be a finite number" });
const integer = z.int({
  error: ({ code, maximum, minimum }) => {
    // JSON.parse rounds what lies beyond, and rounding a seed in silence would be a lie.
    if (code === "too_big") return `must be at most ${maximum}`;
    return code === "too_small" ? `must be at least ${minimum}` : "must be an integer";
  },
});

/** The body of `POST /infer`. Fields it does not name are ignored; `null` is missing. */
export const inferSchema = z.object({
  prompt: text.refine((prompt) => prompt.trim() !== "", { error: "is required" }).describe("The text to continue."),
  model: text.nullish().describe("Model id; the default model where it is missing or empty."),
  stream: z.boolean({ error: "must be true or false" }).nullish().describe("An explicit false: the final line alone."),
  max_tokens: integer.nullish().describe("New tokens at most; 0, negative or missing: llama-server's own default."),
  temperature: number.nullish().describe("Sampling temperature; 0 is greedy decoding."),
  top_p: number.nullish().describe("Nucleus sampling: the probability mass to keep."),
  top_k: integer.nullish().describe("Sampling: the number of candidates to keep."),
  seed: integer.nullish().describe("Random seed; 0 or missing: llama-server chooses."),
  repeat_penalty: number.nullish().describe("Penalty on repeated tokens."),
  stop: z.array(text, { error: "must be an array of strings" }).nullish().describe("Stop sequences."),
}, { error: "must be a JSON object" });
