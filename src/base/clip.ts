/** Characters that a word of somebody else's (a model's name, an error's type) has at most in a reply, a log or a metric. */
const LONGEST_WORD = 256;

/** As much of a text as has room; `...` stands for what was left out. */
export function clip(text: string, longest = LONGEST_WORD): string {
  return text.length > longest ? `${text.slice(0, longest - 3).toWellFormed()}...` : text;
}
