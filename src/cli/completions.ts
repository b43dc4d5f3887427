import { bashCompletions } from "../config/completions/bash.ts";
import { fishCompletions } from "../config/completions/fish.ts";
import { zshCompletions } from "../config/completions/zsh.ts";
import { print } from "./print.ts";

const shells: Readonly<Record<string, () => string>> = Object.freeze({
  bash: bashCompletions,
  zsh: zshCompletions,
  fish: fishCompletions,
});

/** Prints the completions for a shell; resolves with the exit code, or nothing where there is no such shell. */
export function printCompletions(words: readonly string[]): number | undefined {
  const [shell = "", ...rest] = words;
  const completions = Object.hasOwn(shells, shell) && rest.length === 0 ? shells[shell] : undefined;
  return completions === undefined ? undefined : print(completions());
}
