import { commands } from "../help.ts";
import { completableFlags, shellNames } from "./completable_flag.ts";

/** A script for bash: `source <(modeld completions bash)`. */
export function bashCompletions(): string {
  const flags = completableFlags();
  const names = (value: string) => flags.filter((flag) => flag.value === value).map(({ name }) => `--${name}`);
  const wordCases = flags.filter(({ value }) => value === "word").map(({ name, words }) =>
    `    --${name}) COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$word")); return ;;`
  );
  return `# bash completions for modeld: source <(modeld completions bash)
_modeld() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  # bash splits --flag=value at the =.
  if [[ $word == "=" ]]; then word=""; fi
  if [[ $before == "=" ]]; then before=\${COMP_WORDS[COMP_CWORD-2]}; fi
  case $before in
    completions) COMPREPLY=($(compgen -W "${shellNames.join(" ")}" -- "$word")); return ;;
${wordCases.join("\n")}
    ${names("file").join("|")}) COMPREPLY=($(compgen -f -- "$word")); return ;;
    ${names("folder").join("|")}) COMPREPLY=($(compgen -d -- "$word")); return ;;
    ${names("text").join("|")}) return ;;
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "${flags.map(({ name }) => `--${name}`).join(" ")}" -- "$word"))
  else
    COMPREPLY=($(compgen -W "${Object.keys(commands).join(" ")}" -- "$word"))
  fi
}
complete -F _modeld modeld
`;
}
