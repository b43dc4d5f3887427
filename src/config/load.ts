import type { Arguments } from "./arguments.ts";
import { readConfigFile } from "./config_file.ts";
import { findConflicts } from "./conflicts.ts";
import { type Environment, findVariable, homeFolder } from "./environment.ts";

import type { Draft } from "./draft.ts";
import { expandHome } from "./home.ts";
import { readKeyFiles } from "./key_files.ts";
import type { Parsed } from "./kind.ts";
import { ConfigurationError, describeProblem, quote } from "./problem.ts";
import { type SettingName, settingNames, type Settings, settingsTable } from "./settings_table.ts";
import type { Source } from "./source.ts";
import { suggestion } from "./suggestion.ts";

/** What modeld runs with, and how it came to be. Nothing of it changes afterwards. */
export interface Configuration {
  readonly settings: Settings;
  readonly sources: Readonly<Record<SettingName, Source>>;
  /** PEM texts of `llamaCaFile`. */
  readonly llamaCaCerts: readonly string[];
}

/**
 * Gathers every setting from flags, environment, config file and defaults, in this order of precedence, and reads the
 * files that they name.
 *
 * @throws ConfigurationError with every problem there is, not only the first.
 */
export async function loadConfiguration(args: Arguments, environment: Environment): Promise<Configuration> {
  const draft: Draft = { values: {}, sources: {}, problems: [...args.problems] };
  const home = homeFolder(environment);
  for (const name of settingNames) takeText(draft, name, args, environment, home);

  const path = draft.values["config"];
  if (typeof path === "string") await takeFile(draft, path, home);
  for (const name of settingNames) {
    if (draft.sources[name] !== undefined) continue;
    draft.values[name] = expandHome(settingsTable[name], settingsTable[name].default, home).value;
    draft.sources[name] = { from: "default" };
  }

  const llamaCaCerts = await readKeyFiles(draft);
  findConflicts(draft);
  if (draft.problems.length > 0) throw new ConfigurationError(draft.problems);
  // The loops above have given every setting of the table a value of its kind.
  const settings = Object.freeze(draft.values) as Settings;
  return Object.freeze({ settings, sources: Object.freeze(draft.sources) as Configuration["sources"], llamaCaCerts });
}

function takeText(
  draft: Draft,
  name: SettingName,
  args: Arguments,
  environment: Environment,
  home: string | undefined,
): void {
  const { flag } = settingsTable[name];
  const flagText = args.texts.get(name);
  if (flag !== undefined && flagText !== undefined) {
    take(draft, name, flagText, settingsTable[name].kind.fromText(flagText), { from: "flag", name: flag }, home);
    return;
  }
  const variable = findVariable(environment, name);
  if (variable === undefined) return;
  const source: Source = { from: "variable", name: variable.name };
  const parsed = variable.text.trim() === ""
    ? { problem: "is empty: give it a value, or unset it" }
    : settingsTable[name].kind.fromText(variable.text);
  take(draft, name, variable.text, parsed, source, home);
}

async function takeFile(draft: Draft, path: string, home: string | undefined): Promise<void> {
  const file = await readConfigFile(path);
  if ("problem" in file) {
    draft.problems.push(describeProblem(settingsTable.config, path, draft.sources["config"] as Source, file.problem));
    return;
  }
  const nameOf = new Map(settingNames.flatMap((name) => {
    const { key } = settingsTable[name];
    return key === undefined ? [] : [[key, name] as const];
  }));
  for (const [key, value] of Object.entries(file.values)) {
    // Tells editors where the schema is.
    if (key === "$schema") continue;
    const name = nameOf.get(key);
    if (name === undefined) {
      draft.problems.push(`unknown key ${quote(key)} in ${path}${suggestion(key, [...nameOf.keys()])}`);
    } else if (value !== null && draft.sources[name] === undefined) {
      take(draft, name, value, settingsTable[name].kind.fromFile(value), { from: "file", path, key }, home);
    }
  }
}

function take(
  draft: Draft,
  name: SettingName,
  written: unknown,
  parsed: Parsed<unknown>,
  source: Source,
  home: string | undefined,
): void {
  const setting = settingsTable[name];
  const expanded = "value" in parsed ? expandHome(setting, parsed.value, home) : parsed;
  const problem = "problem" in expanded ? expanded.problem : undefined;
  if (problem !== undefined) draft.problems.push(describeProblem(setting, written, source, problem));
  draft.values[name] = "value" in expanded ? expanded.value : setting.default;
  draft.sources[name] = source;
}
