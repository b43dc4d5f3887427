import { type SettingName, settingNames, settingsTable } from "./settings_table.ts";

/** Where the home folder stands; Windows has its own name for it. */
const homeVariable = Deno.build.os === "windows" ? "USERPROFILE" : "HOME";

/**
 * Every environment variable that modeld touches, and so all that its permissions need to name. `NO_PROXY` is not ours:
 * src/llama/ sets it for a moment while it makes an HTTP client, which is the only way to keep Deno from a proxy.
 */
export const environmentNames: readonly string[] = Object.freeze([
  ...settingNames.flatMap((name) => settingsTable[name].variables),
  "HOME",
  "USERPROFILE",
  "NO_PROXY",
]);

/** The environment, as far as modeld knows it. */
export type Environment = ReadonlyMap<string, string>;

/** Reads the environment of the process. The only place that does. */
export function readEnvironment(): Environment {
  const environment = new Map<string, string>();
  for (const name of environmentNames) {
    const value = Deno.env.get(name);
    if (value !== undefined) environment.set(name, value);
  }
  return environment;
}

/** The home folder, if there is one. */
export function homeFolder(environment: Environment): string | undefined {
  return environment.get(homeVariable) || undefined;
}

/** The variable that sets a setting, and its text; an empty one counts as missing unless the setting refuses that. */
export function findVariable(
  environment: Environment,
  setting: SettingName,
): { readonly name: string; readonly text: string } | undefined {
  const { variables, refusesEmpty } = settingsTable[setting];
  for (const name of variables) {
    const text = environment.get(name);
    if (text !== undefined && (text !== "" || refusesEmpty)) return { name, text };
  }
  return undefined;
}
