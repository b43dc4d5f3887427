import { commands } from "../help.ts";
import { type CompletableFlag, completableFlags, shellNames } from "./completable_flag.ts";

/** A script for fish: `modeld completions fish > ~/.config/fish/completions/modeld.fish`. */
export function fishCompletions(): string {
  const names = Object.keys(commands).join(" ");
  const words = Object.entries(commands).map(([name, help]) =>
    `complete -c modeld -n 'not __fish_seen_subcommand_from ${names}' -a ${name} -d ${quote(help)}\n`
  );
  return `# fish completions for modeld: modeld completions fish > ~/.config/fish/completions/modeld.fish
complete -c modeld -f
${words.join("")}complete -c modeld -n '__fish_seen_subcommand_from completions' -a '${shellNames.join(" ")}'
${completableFlags().map(line).join("")}`;
}

function line({ name, help, value, words }: CompletableFlag): string {
  const action = {
    none: "",
    file: " -r -F",
    folder: " -x -a '(__fish_complete_directories)'",
    text: " -x",
    word: ` -x -a '${words.join(" ")}'`,
  };
  return `complete -c modeld -l ${name}${action[value]} -d ${quote(help)}\n`;
}

function quote(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
