import type { Client } from "../base/client.ts";
import type { Arguments } from "./arguments.ts";
import { readClients } from "./clients.ts";
import { readConfigFile } from "./config_file.ts";
import { Draft } from "./draft.ts";
import { type ListKey, listKeys, type WrittenList } from "./entries.ts";
import { type Environment, findVariable, homeFolder } from "./environment.ts";
import { readKeyFiles } from "./key_files.ts";
import { ConfigurationError, quote, suggestion } from "./problem.ts";
import { readServers, type ServerConfig } from "./servers.ts";
import type { Source } from "./setting.ts";
import { type SettingName, settingNames, type Settings, settingsTable } from "./settings_table.ts";
import { takeTlsIdentity, type TlsIdentity } from "./tls_identity.ts";

/** What modeld runs with, and how it came to be. Nothing of it changes afterwards. */
export interface Configuration {
  readonly settings: Settings;
  readonly sources: Readonly<Record<SettingName, Source>>;
  /** The llama-servers, in the order in which they are written; none: every inference is refused. */
  readonly servers: readonly ServerConfig[];
  /** Contents of `tlsCertFile` and `tlsKeyFile`; missing: modeld speaks plain HTTP. */
  readonly tls?: TlsIdentity;
  /** Those of the config file, then one for each key that stands alone; none: no key is asked for. */
  readonly clients: readonly Client[];
  /** What is wrong with the files that were read and no reason to refuse them. */
  readonly warnings: readonly string[];
  /** The config file and the files of keys, to look for changes; the certificate is renewed elsewhere. */
  readonly files: readonly string[];
}

/** The same without clients' keys, of which their digests are enough to serve. */
export function withoutKeys(configuration: Configuration): Configuration {
  const settings = Object.freeze({ ...configuration.settings, apiKeys: Object.freeze([]) });
  return Object.freeze({ ...configuration, settings });
}

/**
 * Gathers every setting from flags, environment, config file and defaults, in this order of precedence, and reads the
 * files that they name.
 *
 * @throws ConfigurationError with every problem there is, not only the first.
 */
export async function loadConfiguration(args: Arguments, environment: Environment): Promise<Configuration> {
  const draft = new Draft(args.problems, homeFolder(environment));
  takeFlags(draft, args);
  takeVariables(draft, environment);
  const written = await takeFile(draft);
  takeDefaults(draft);
  const llamaCaCerts = await readKeyFiles(draft);
  const servers = await readServers(draft, written?.servers, llamaCaCerts);
  const tls = await takeTlsIdentity(draft);
  const clients = await readClients(draft, written?.clients);
  findConflicts(draft);
  if (draft.problems.length > 0) throw new ConfigurationError(draft.problems, draft.files);

  const each = <T>(read: (name: SettingName) => T) =>
    Object.freeze(Object.fromEntries(settingNames.map((name) => [name, read(name)])));
  return Object.freeze({
    settings: each((name) => draft.value(name)) as unknown as Settings,
    sources: each((name) => draft.source(name)) as Record<SettingName, Source>,
    servers,
    ...(tls === undefined ? {} : { tls }),
    clients,
    warnings: Object.freeze(draft.warnings),
    files: Object.freeze(draft.files),
  });
}

function takeFlags(draft: Draft, args: Arguments): void {
  for (const [name, text] of args.texts) {
    const { flag = "", kind } = settingsTable[name];
    draft.take(name, text, kind.fromText(text), { from: "flag", name: flag });
  }
}

function takeVariables(draft: Draft, environment: Environment): void {
  for (const name of settingNames) {
    const variable = draft.has(name) ? undefined : findVariable(environment, name);
    if (variable === undefined) continue;
    const { text } = variable;
    const parsed = text.trim() === ""
      ? { problem: "is empty: give it a value, or unset it" }
      : settingsTable[name].kind.fromText(text);
    draft.take(name, text, parsed, { from: "variable", name: variable.name });
  }
}

const nameOfKey = new Map(settingNames.flatMap((name) => {
  const { key } = settingsTable[name];
  return key === undefined ? [] : [[key, name] as const];
}));

/** @returns the lists of mappings as they are written, which are read when all settings are known */
async function takeFile(draft: Draft): Promise<Record<ListKey, WrittenList> | undefined> {
  const path = draft.value("config");
  if (path === undefined) return undefined;
  draft.files.push(path);
  const file = await readConfigFile(path);
  if ("problem" in file) {
    draft.report("config", path, file.problem);
    return undefined;
  }
  for (const [key, value] of Object.entries(file.values)) {
    // Tells editors where the schema is.
    if (key === "$schema" || listKeys.some((list) => list === key)) continue;
    const name = nameOfKey.get(key);
    if (name === undefined) {
      draft.problems.push(`unknown key ${quote(key)} in ${path}${suggestion(key, [...nameOfKey.keys(), ...listKeys])}`);
    } else if (value !== null && !draft.has(name)) {
      draft.take(name, value, settingsTable[name].kind.fromFile(value), { from: "file", path, key });
    }
  }
  return { clients: { value: file.values["clients"], path }, servers: { value: file.values["servers"], path } };
}

/** Defaults are taken as well, for the home folder in their paths. */
function takeDefaults(draft: Draft): void {
  for (const name of settingNames) {
    const value = settingsTable[name].default;
    if (!draft.has(name)) draft.take(name, value, { value }, { from: "default" });
  }
}

/** Finds settings that are fine alone and make no sense together. */
function findConflicts(draft: Draft): void {
  const [budget, margin] = [draft.value("vramBudgetMb"), draft.value("vramMarginMb")];
  if (budget > 0 && margin >= budget) {
    draft.problems.push(`vram_margin_mb: ${margin} leaves nothing of vram_budget_mb ${budget}: make it smaller`);
  }
}
