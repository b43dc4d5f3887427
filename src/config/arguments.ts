import { quote, suggestion } from "./problem.ts";
import type { Setting } from "./setting.ts";
import { type SettingName, settingNames, settingsTable } from "./settings_table.ts";
import { parseArgs } from "@std/cli/parse-args";

/** Flags that are no settings: each makes modeld do something else and exit. */
export const actions = Object.freeze({
  help: "Print this help",
  version: "Print the versions of modeld, Deno and V8",
  "print-config": "Print every effective value and where it came from, secrets masked",
});

/** The name of an action, without dashes. */
export type Action = keyof typeof actions;

/** A command line, read but not yet understood. */
export interface Arguments {
  /** The words that are no flags: a command and what it takes. */
  readonly words: readonly string[];
  /** The text given for each setting; of a repeated flag the last counts, unless its kind takes several. */
  readonly texts: ReadonlyMap<SettingName, string>;
  readonly actions: ReadonlySet<Action>;
  readonly problems: readonly string[];
}

const settingOf = new Map<string, SettingName>(
  settingNames.flatMap((name) => {
    const { flag } = settingsTable[name];
    return flag === undefined ? [] : [[flag, name] as const];
  }),
);
const actionNames = Object.keys(actions) as Action[];

/** Every flag, with its dashes. */
const flagNames: readonly string[] = Object.freeze([
  ...settingOf.keys(),
  ...actionNames.map((name) => `--${name}`),
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
  return { words, texts, actions: readActions(parsed, problems), problems };
}

/** The values of a repeated flag by comma; an empty one among them is as if no value was given. */
function textOf(value: unknown): string | undefined {
  if (!Array.isArray(value)) return typeof value === "string" ? value : undefined;
  if (value.length === 0) return undefined;
  return value.includes("") ? "" : value.join(",");
}

function readActions(parsed: Readonly<Record<string, unknown>>, problems: string[]): Set<Action> {
  const wanted = new Set<Action>();
  for (const name of actionNames) {
    const text = parsed[name];
    if (text === "true") wanted.add(name);
    else if (text !== undefined && text !== "false") {
      problems.push(`--${name}: ${quote(String(text))} is not a boolean: true or false is allowed`);
    }
  }
  return wanted;
}

/**
 * Writes every known flag as `--name=value`, the one form that parseArgs cannot misread: it knows no `-name`, and would
 * take a value that begins with a dash (a negative number, a key) for a flag.
 */
function canonical(args: readonly string[]): string[] {
  const result: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--") return [...result, ...args.slice(i)];
    const flag = arg === "-h" ? "--help" : arg.replace(/^-(?=[A-Za-z])/, "--");
    const name = settingOf.get(flag);
    const isBoolean = name === undefined ? flagNames.includes(flag) : settingsTable[name].kind.isBoolean;
    if (isBoolean) result.push(`${flag}=true`);
    else if (name !== undefined) result.push(`${flag}=${args[++i] ?? ""}`);
    else result.push(flag);
  }
  return result;
}
