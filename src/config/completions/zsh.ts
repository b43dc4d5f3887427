import { commands } from "../help.ts";
import { type CompletableFlag, completableFlags, shellNames } from "./completable_flag.ts";

/** A script for zsh: `modeld completions zsh > "${fpath[1]}/_modeld"`. */
export function zshCompletions(): string {
  const specs = completableFlags().map((flag) => `    ${quote(spec(flag))} \\\n`).join("");
  const words = Object.entries(commands).map(([name, help]) => `    ${quote(`${escape(name)}:${help}`)}\n`).join("");
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

function spec({ name, help, value, words }: CompletableFlag): string {
  const action = {
    none: "",
    file: ":file:_files",
    folder: ":folder:_files -/",
    text: ":value: ",
    word: `:word:(${words.join(" ")})`,
  };
  return `--${name}${value === "none" ? "" : "="}[${escape(help)}]${action[value]}`;
}

/** What _arguments and _describe would read as structure. */
function escape(text: string): string {
  return text.replace(/[\\[\]:]/g, "\\$&");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
