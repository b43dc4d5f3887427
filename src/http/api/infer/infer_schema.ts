import * as z from "zod/mini";

// Each message follows the field's name: "temperature" + " " + "must be a finite number".
const text = z.string({ error: "must be a string" }).check(z.refine((value) => value.isWellFormed(), {
  error: "holds half of a surrogate pair, which is no valid text",
}));
const filledText = text.check(z.refine((value) => value.trim() !== "", { error: "is required" }));
const MOST_STOPS = 64;
const texts = z.array(text, { error: "must be an array of strings" })
  .check(z.maxLength(MOST_STOPS, { error: `has more than ${MOST_STOPS} items` }));
const boolean = z.boolean({ error: "must be true or false" });
const number = z.number({ error: "must be a finite number" });
const integer = z.int({
  error: ({ code, maximum, minimum }) => {
    // JSON.parse rounds what lies beyond, and rounding a seed in silence would be a lie.
    if (code === "too_big") return `must be at most ${maximum}`;
    return code === "too_small" ? `must be at least ${minimum}` : "must be an integer";
  },
});

// llama-server takes these in 32 bits, and wraps larger ones in silence.
const tokenCount = integer.check(atMost(2 ** 31 - 1));
const seed = integer.check(z.minimum(-(2 ** 31), { error: `must be at least ${-(2 ** 31)}` }), atMost(2 ** 32 - 1));

function atMost(largest: number): ReturnType<typeof z.maximum> {
  return z.maximum(largest, { error: `must be at most ${largest}` });
}

/** The body of `POST /infer`. Fields it does not name are ignored; `null` is missing. */
export const inferSchema = z.object({
  prompt: filledText.check(z.describe("The text to continue.")),
  model: optional(text, "Model id; the default model where it is missing or empty."),
  stream: optional(boolean, "An explicit false: the final line alone."),
  max_tokens: optional(tokenCount, "New tokens at most; 0, negative or missing: llama-server's own default."),
  temperature: optional(number, "Sampling temperature; 0 is greedy decoding."),
  top_p: optional(number, "Nucleus sampling: the probability mass to keep."),
  top_k: optional(integer, "Sampling: the number of candidates to keep."),
  seed: optional(seed, "Random seed; 0 or missing: llama-server chooses."),
  repeat_penalty: optional(number, "Penalty on repeated tokens."),
  stop: optional(texts, "Stop sequences."),
  priority: optional(text, "interactive, default or batch: a class below the client's own; a higher one is its own."),
  reasoning: optional(boolean, "True: the model's reasoning comes too, in `reasoning` lines."),
  progress: optional(boolean, "True: `progress` lines come before the first token, unless `stream` is false."),
}, { error: "must be a JSON object" });

function optional<T extends z.ZodMiniType>(type: T, description: string): z.ZodMiniOptional<z.ZodMiniNullable<T>> {
  return z.nullish(type).check(z.describe(description));
}
