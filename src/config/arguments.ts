import { quote, suggestion } from "./problem.ts";
import type { Setting } from "./setting.ts";
import { type SettingName, settingNames, settingsTable } from "./settings_table.ts";
import { parseArgs } from "@std/cli/parse-args";

/** Flags that are no settings: each makes modeld do something else and exit. */
export const actions = Object.freeze({
  help: "Print this help; -h prints the short one",
  version: "Print the versions of modeld, Deno and V8; -v too",
  "print-config": "Print every effective value and where it came from, secrets masked",
});

/** The name of an action, without dashes. */
export type Action = keyof typeof actions | "short-help";

/** A flag of one command alone. */
export interface CommandFlag {
  readonly command: string;
  /** Missing: it is a boolean. */
  readonly placeholder?: string;
  readonly help: string;
}

/** The flags that only one command has, without their dashes. */
export const commandFlags = {
  url: { command: "status", placeholder: "URL", help: "Address of the modeld to ask, where it is not --addr" },
  watch: { command: "status", help: "Go on, and draw anew what changes" },
  json: { command: "status", help: "Print what GET /status answers; with --watch a line each second" },
} as const satisfies Readonly<Record<string, CommandFlag>>;

/** The name of such a flag. */
export type CommandFlagName = keyof typeof commandFlags;

/** A command line, read but not yet understood. */
export interface Arguments {
  /** The words that are no flags: a command and what it takes. */
  readonly words: readonly string[];
  /** The text given for each setting; of a repeated flag the last counts, unless its kind takes several. */
  readonly texts: ReadonlyMap<SettingName, string>;
  readonly actions: ReadonlySet<Action>;
  /** The flags of single commands that were given, with their text; that of a boolean is `true`. */
  readonly commandFlags: ReadonlyMap<CommandFlagName, string>;
  readonly problems: readonly string[];
}

const settingOf = new Map<string, SettingName>(
  settingNames.flatMap((name) => {
    const { flag } = settingsTable[name];
    return flag === undefined ? [] : [[flag, name] as const];
  }),
);
const actionNames: readonly Action[] = [...Object.keys(actions) as Action[], "short-help"];
const commandFlagNames = Object.keys(commandFlags) as CommandFlagName[];

/** Every flag, with its dashes. */
const flagNames: readonly string[] = Object.freeze([
  ...settingOf.keys(),
  ...[...actionNames, ...commandFlagNames].map((name) => `--${name}`),
]);

/** Names of the flags that may be given several times, without dashes. */
const repeatable: readonly string[] = [...settingOf].flatMap(([flag, name]) => {
  const { kind }: Setting<unknown> = settingsTable[name];
  return kind.isRepeatable === true ? [flag.slice(2)] : [];
});

/** Reads a command line as Go's flag package does, except that flags and words may stand in any order. */
export function readArguments(args: readonly string[]): Arguments {
  const problems: string[] = [];
  const parsed: Record<string, unknown> = parseArgs(canonical(args), {
    string: ["_", ...flagNames.map((flag) => flag.slice(2))],
    collect: repeatable,
    unknown: (arg, key) => {
      if (key === undefined) return true;
      const flag = arg.split("=", 1)[0] ?? arg;
      problems.push(`unknown flag ${quote(flag)}${suggestion(flag, flagNames)}`);
      return false;
    },
  });

  const texts = new Map<SettingName, string>();
  for (const [flag, name] of settingOf) {
    const text = textOf(parsed[flag.slice(2)]);
    if (text === undefined) continue;
    if (text === "") problems.push(`${settingsTable[name].title}: no value was given (flag ${flag})`);
    else texts.set(name, text);
  }
  const words = (parsed["_"] as unknown[]).map(String);
  return {
    words,
    texts,
    actions: readBooleans(actionNames, parsed, problems),
    commandFlags: readCommandFlags(parsed, problems),
    problems,
  };
}

function readCommandFlags(parsed: Readonly<Record<string, unknown>>, problems: string[]): Map<CommandFlagName, string> {
  const isBoolean = (name: CommandFlagName) => !("placeholder" in commandFlags[name]);
  const booleans = readBooleans(commandFlagNames.filter(isBoolean), parsed, problems);
  const found = new Map([...booleans].map((name) => [name, "true"]));
  for (const name of commandFlagNames) {
    const text = textOf(parsed[name]);
    if (text === "") problems.push(`no value was given (flag --${name})`);
    else if (text !== undefined && !isBoolean(name)) found.set(name, text);
  }
  return found;
}

/** The values of a repeated flag by comma; an empty one among them is as if no value was given. */
function textOf(value: unknown): string | undefined {
  if (!Array.isArray(value)) return typeof value === "string" ? value : undefined;
  if (value.length === 0) return undefined;
  return value.includes("") ? "" : value.join(",");
}

function readBooleans<T extends string>(
  names: readonly T[],
  parsed: Readonly<Record<string, unknown>>,
  problems: string[],
): Set<T> {
  const wanted = new Set<T>();
  for (const name of names) {
    const text = parsed[name];
    if (text === "true") wanted.add(name);
    else if (text !== undefined && text !== "false") {
      problems.push(`--${name}: ${quote(String(text))} is not a boolean: true or false is allowed`);
    }
  }
  return wanted;
}

const shortFlags: Readonly<Record<string, string>> = { "-h": "--short-help", "-v": "--version" };

const flagsWithText = commandFlagNames.filter((name) => "placeholder" in commandFlags[name]).map((name) => `--${name}`);

/**
 * Writes every known flag as `--name=value`, the one form that parseArgs cannot misread: it knows no `-name`, and would
 * take a value that begins with a dash (a negative number, a key) for a flag.
 */
function canonical(args: readonly string[]): string[] {
  const result: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--") return [...result, ...args.slice(i)];
    const flag = shortFlags[arg] ?? arg.replace(/^-(?=[A-Za-z])/, "--");
    const name = settingOf.get(flag);
    const takesText = name === undefined ? flagsWithText.includes(flag) : !settingsTable[name].kind.isBoolean;
    const isKnown = flagNames.includes(flag);
    if (isKnown && !takesText) result.push(`${flag}=true`);
    else if (isKnown) result.push(`${flag}=${args[++i] ?? ""}`);
    else result.push(flag);
  }
  return result;
}
