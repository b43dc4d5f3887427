import { actions, type CommandFlag, commandFlags } from "./arguments.ts";
import { groups, type Setting } from "./setting.ts";
import { settingNames, settingsTable } from "./settings_table.ts";
import { showDefault } from "./show.ts";

/** What modeld can be told to do; the first is meant where nothing is said. */
export const commands = Object.freeze({
  serve: "Serve the API (also without a command)",
  demo: "Serve a little model that comes with modeld, to try it without a llama-server",
  check: "Check llama-server and the configuration, and exit: 0 if all is well, 1 if not",
  status: "Show what a running modeld does: models, slots, queues, clients; --watch goes on",
  health: "Ask the modeld at --addr whether it is ready, and exit: 0 if so, 1 if not",
  completions: "Print completions for a shell: bash, zsh or fish",
  help: "Print every flag",
  version: "Print the versions of modeld, Deno and V8",
});

/** A word of the command line. */
export type Command = keyof typeof commands;

const indent = " ".repeat(8);

/** The flags of the short help. */
const FIRST_FLAGS = ["llamaUrl", "addr", "defaultModel", "apiKeyFile", "config"] as const;

/** What `-h` prints: one screen, with an example. */
export function shortHelp(): string {
  const { help: _, version: __, completions: ___, ...first } = commands;
  const flags = FIRST_FLAGS.map((name): [string, string] => {
    const { flag, kind, help }: Setting<unknown> = settingsTable[name];
    return [`${flag} ${kind.placeholder}`, help.replace(/[.;,:] .*/, "")];
  });
  return `modeld stands in front of llama-server and gives its slots to many clients, fairly and in order.

Example:
  llama-server -m model.gguf --port 8081
  modeld --llama-url http://127.0.0.1:8081

Usage: modeld [command] [flags]
${columns(Object.entries(first))}
Flags to begin with:
${columns(flags)}modeld --help prints every command and flag.
`;
}

/** What `--help` prints. */
export function help(): string {
  const sections = groups.map((group) => {
    const settings = settingNames.map((name) => settingsTable[name]).filter((setting) => setting.group === group);
    return `${group}:\n${settings.map(describe).join("")}`;
  });
  return [
    "modeld stands in front of llama-server and serves POST /infer as a stream of NDJSON lines.\n",
    `Usage: modeld [command] [flags]\n\nCommands:\n${columns(Object.entries(commands))}`,
    ...sections,
    ...statusFlags(),
    `And:\n${columns(Object.entries(actions).map(([name, text]) => [`--${name}`, text]))}`,
    "A flag beats its variable, the variable the config file, the file the default. Durations: 300ms, 30s, 1m30s, 1h.\n",
  ].join("\n");
}

function statusFlags(): string[] {
  const rows = Object.entries(commandFlags).map(([name, { command, help, placeholder }]: [string, CommandFlag]) =>
    [command, [placeholder === undefined ? `--${name}` : `--${name} ${placeholder}`, help]] as const
  );
  return [...Map.groupBy(rows, ([command]) => command)].map(([command, its]) =>
    `Flags of modeld ${command}:\n${columns(its.map(([, row]) => row))}`
  );
}

function describe(setting: Setting<unknown>): string {
  const { flag, kind, variables, key, help, deprecated } = setting;
  const value = kind.isBoolean ? "" : ` ${kind.choices?.join("|") ?? kind.placeholder}`;
  const title = flag === undefined ? variables.join(", ") : `${flag}${value}`;
  const names = [...(flag === undefined ? [] : variables), ...(key === undefined ? [] : [`key ${key}`])];
  const facts = [...names, `default ${showDefault(setting)}`].join("; ");
  const advice = deprecated === undefined ? `[${facts}]` : `[ignored: ${deprecated}]`;
  return `  ${title}\n${indent}${help}\n${indent}${advice}\n`;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}\n`).join("");
}
