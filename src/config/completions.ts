import { actions, type CommandFlag, commandFlags } from "./arguments.ts";
import { commands } from "./help.ts";
import { settingNames, settingsTable } from "./settings_table.ts";

/** One flag as a shell completes it. */
interface CompletableFlag {
  /** Without its dashes. */
  readonly name: string;
  readonly help: string;
  /** `none`: the flag stands alone. `file`, `folder`: a path. `word`: one of `words`. `text`: anything. */
  readonly value: "none" | "file" | "folder" | "word" | "text";
  readonly words: readonly string[];
}

/** Every flag of the settings table and every action. */
function completableFlags(): readonly CompletableFlag[] {
  const settings = settingNames.flatMap((name): CompletableFlag[] => {
    const { flag, kind, help, deprecated } = settingsTable[name];
    if (flag === undefined || deprecated !== undefined) return [];
    const value = kind.isBoolean ? "none" : kind.choices ? "word" : kind.isPath ?? "text";
    return [{ name: flag.slice(2), help, value, words: kind.choices ?? [] }];
  });
  const others = Object.entries(actions).map(([name, help]): CompletableFlag => ({
    name,
    help,
    value: "none",
    words: [],
  }));
  const ofCommands = Object.entries(commandFlags).map(([name, flag]: [string, CommandFlag]): CompletableFlag => ({
    name,
    help: flag.help,
    value: flag.placeholder === undefined ? "none" : "text",
    words: [],
  }));
  return [...settings, ...others, ...ofCommands];
}

/** The shells that there are completions for. */
const shellNames = ["bash", "zsh", "fish"] as const;

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

/** A script for zsh: `modeld completions zsh > "${fpath[1]}/_modeld"`. */
export function zshCompletions(): string {
  const specs = completableFlags().map((flag) => `    ${quoteForZsh(zshSpec(flag))} \\\n`).join("");
  const words = Object.entries(commands).map(([name, help]) => `    ${quoteForZsh(`${escapeForZsh(name)}:${help}`)}\n`)
    .join(
      "",
    );
  return `#compdef modeld
# zsh completions for modeld: modeld completions zsh > "\${fpath[1]}/_modeld"
_modeld_command() {
  local -a commands=(
${words}  )
  _describe command commands
}
_modeld() {
  _arguments \\
${specs}    '1: :_modeld_command' \\
    '2: :{ (( $words[(I)completions] )) && compadd ${shellNames.join(" ")} }'
}
if [ "$funcstack[1]" = _modeld ]; then _modeld "$@"; else compdef _modeld modeld; fi
`;
}

function zshSpec({ name, help, value, words }: CompletableFlag): string {
  const action = {
    none: "",
    file: ":file:_files",
    folder: ":folder:_files -/",
    text: ":value: ",
    word: `:word:(${words.join(" ")})`,
  };
  return `--${name}${value === "none" ? "" : "="}[${escapeForZsh(help)}]${action[value]}`;
}

/** What _arguments and _describe would read as structure. */
function escapeForZsh(text: string): string {
  return text.replace(/[\\[\]:]/g, "\\$&");
}

function quoteForZsh(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A script for fish: `modeld completions fish > ~/.config/fish/completions/modeld.fish`. */
export function fishCompletions(): string {
  const names = Object.keys(commands).join(" ");
  const words = Object.entries(commands).map(([name, help]) =>
    `complete -c modeld -n 'not __fish_seen_subcommand_from ${names}' -a ${name} -d ${quoteForFish(help)}\n`
  );
  return `# fish completions for modeld: modeld completions fish > ~/.config/fish/completions/modeld.fish
complete -c modeld -f
${words.join("")}complete -c modeld -n '__fish_seen_subcommand_from completions' -a '${shellNames.join(" ")}'
${completableFlags().map(fishLine).join("")}`;
}

function fishLine({ name, help, value, words }: CompletableFlag): string {
  const action = {
    none: "",
    file: " -r -F",
    folder: " -x -a '(__fish_complete_directories)'",
    text: " -x",
    word: ` -x -a '${words.join(" ")}'`,
  };
  return `complete -c modeld -l ${name}${action[value]} -d ${quoteForFish(help)}\n`;
}

function quoteForFish(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
