import type { Draft } from "./draft.ts";
import { entriesOf, entryName, field, type FieldsOf, readEntry, type WrittenList } from "./entries.ts";
import { certificates, firstKey, openToAll, readFileAs } from "./key_files.ts";
import { integer, type Parsed, path } from "./kinds.ts";
import { llamaUrl } from "./llama_url.ts";
import { expandPath } from "./paths.ts";
import { quote } from "./problem.ts";
import { describeSource } from "./setting.ts";

/** One llama-server, or all those at the addresses of one name, as the operator has it. */
export interface ServerConfig {
  /** Unique among the servers. */
  readonly name: string;
  /** Without secrets; `http+dns:` where it stands for every address of its name. */
  readonly url: string;
  readonly apiKey: string | undefined;
  /** PEM texts of the authorities that may have signed its certificate, beside the usual ones. */
  readonly caCerts: readonly string[];
  /** In MB, 0 is unlimited; of each of them where the address stands for several. */
  readonly vramBudgetMb: number;
  readonly vramMarginMb: number;
  /** The fields that the config file gives it; undefined where it was named by `llama_url`. */
  readonly written?: Fields;
}

/** Every field that a server may have in a config file. */
export const serverFields = {
  name: field(entryName(), "Name in logs, metrics, /status and X-Modeld-Server; default server-1, server-2, ..."),
  url: field(llamaUrl, "Its address; http+dns://host:port stands for every address of the name"),
  api_key_file: field(path("file"), "File whose first line is its key; default: llama_api_key_file"),
  ca_file: field(path("file"), "PEM file of the authorities of its certificate; default: llama_ca_file"),
  vram_budget_mb: field(integer(), "MB that its loaded models may take together; default: vram_budget_mb"),
  vram_margin_mb: field(integer(), "MB of that to leave free; default: vram_margin_mb"),
};

type Fields = FieldsOf<typeof serverFields>;

/**
 * Makes the servers of a configuration, from the list in the config file or from `llama_url`; what a server is not given is
 * taken from the settings. Whatever is wrong with them is added to the draft's problems.
 */
export async function readServers(
  draft: Draft,
  list: WrittenList | undefined,
  caCerts: readonly string[],
): Promise<readonly ServerConfig[]> {
  const common = {
    apiKey: draft.value("llamaApiKey"),
    caCerts,
    vramBudgetMb: draft.value("vramBudgetMb"),
    vramMarginMb: draft.value("vramMarginMb"),
  };
  const urls = draft.value("llamaUrl");
  const entries = entriesOf(draft, "servers", list);
  if (entries.length === 0) {
    return Object.freeze(urls.map((url, index) => Object.freeze({ ...common, name: defaultName(index), url })));
  }
  if (urls.length > 0) {
    draft.problems.push(
      `llama_url (${describeSource(draft.source("llamaUrl"))}) and servers (key servers of ${list?.path}) ` +
        "are both set: keep one of them",
    );
  }
  const servers: ServerConfig[] = [];
  for (const [index, written] of entries.entries()) {
    const { entry, place } = written;
    const fields = readEntry(draft, "servers", serverFields, written, "url, name");
    if (fields !== undefined && !Object.hasOwn(Object(entry), "url")) {
      draft.problems.push(`servers: url is missing: give it one (${place})`);
    }
    if (fields?.url === undefined) continue;
    const server = await readServer(draft, fields, { ...common, name: defaultName(index), url: fields.url }, place);
    reportTwins(draft, servers, server, place);
    servers.push(Object.freeze(server));
  }
  return Object.freeze(servers);
}

function defaultName(index: number): string {
  return `server-${index + 1}`;
}

async function readServer(draft: Draft, fields: Fields, given: ServerConfig, place: string): Promise<ServerConfig> {
  const apiKey = await readFile(draft, "api_key_file", fields.api_key_file, firstKey, place);
  await warnIfOpen(draft, fields.api_key_file, place);
  const ca = await readFile(draft, "ca_file", fields.ca_file, certificates, place);
  const budget = fields.vram_budget_mb ?? given.vramBudgetMb;
  const margin = fields.vram_margin_mb ?? given.vramMarginMb;
  const isOwn = fields.vram_budget_mb !== undefined || fields.vram_margin_mb !== undefined;
  if (isOwn && budget > 0 && margin >= budget) {
    draft.problems.push(
      `servers: vram_margin_mb ${margin} leaves nothing of vram_budget_mb ${budget}: make it smaller (${place})`,
    );
  }
  return {
    name: fields.name ?? given.name,
    url: given.url,
    apiKey: apiKey ?? given.apiKey,
    caCerts: ca === undefined ? given.caCerts : [ca],
    vramBudgetMb: budget,
    vramMarginMb: margin,
    written: fields,
  };
}

function reportTwins(draft: Draft, others: readonly ServerConfig[], server: ServerConfig, place: string): void {
  if (others.some(({ name }) => name === server.name)) {
    draft.problems.push(`servers: two are named ${quote(server.name)}: give each a name of its own (${place})`);
  }
  const twin = others.find(({ url }) => url === server.url);
  if (twin !== undefined) {
    draft.problems.push(
      `servers: ${quote(server.name)} has the url of ${quote(twin.name)}: name each llama-server once (${place})`,
    );
  }
}

async function warnIfOpen(draft: Draft, file: string | undefined, place: string): Promise<void> {
  const path = file === undefined ? undefined : expandPath(file, draft.home);
  const warning = path !== undefined && "value" in path ? await openToAll(path.value) : undefined;
  if (warning !== undefined) draft.warnings.push(`api_key_file ${warning} (${place})`);
}

async function readFile<T>(
  draft: Draft,
  key: keyof typeof serverFields,
  file: string | undefined,
  read: (text: string) => Parsed<T>,
  place: string,
): Promise<T | undefined> {
  if (file === undefined) return undefined;
  const expanded = expandPath(file, draft.home);
  if ("value" in expanded) draft.files.push(expanded.value);
  const parsed = "value" in expanded ? await readFileAs(expanded.value, read) : expanded;
  if ("value" in parsed) return parsed.value;
  draft.problems.push(`servers: ${key} ${quote(file)} ${parsed.problem} (${place})`);
  return undefined;
}
