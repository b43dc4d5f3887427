import { type Client, digestKey, plainClient, priorities } from "../base/client.ts";
import type { Draft } from "./draft.ts";
import { entriesOf, entryName, type Field, field, type FieldsOf, readEntry, type WrittenList } from "./entries.ts";
import { type KeyFile, readKeys } from "./key_files.ts";
import { boolean, choice, duration, integer, type Kind, listOf, type Parsed, path, secret } from "./kinds.ts";
import { expandPath } from "./paths.ts";
import { quote } from "./problem.ts";

const limit = integer();

/** Every field that a client may have in a config file. */
export const clientFields = {
  name: field(entryName({ other: "clients without a name" }), "Name in logs, metrics and /status"),
  key: field(secret, "Its key; prefer key_file"),
  key_file: field(path("file"), "File of its keys, one a line"),
  weight: field(weight(), "Share of the slots while others want them too; default 1"),
  priority: field(choice(...priorities), "Class of its requests, and the highest they may ask for; default: default"),
  max_inflight: field(limit, "Requests that may run at once, the others wait; 0: no limit"),
  max_queue: field(limit, "Requests that may wait at once; 0: no limit"),
  requests_per_minute: field(limit, "Requests a minute; 0: no limit"),
  tokens_per_minute: field(limit, "Tokens a minute; 0: no limit"),
  models: field(patterns(), "Names of models that it may use, with * for any text; default: all"),
  admin: field(boolean, "Whether it may see other clients' requests"),
  max_wait: field(duration({ zero: "no limit" }), "From a request's arrival to its slot; default: max_wait of modeld"),
};

type Fields = FieldsOf<typeof clientFields>;

/**
 * Makes the clients of a configuration: those of the config file, then `key-1`, `key-2` and so on of the keys that stand
 * alone. Whatever is wrong with them is added to the draft's problems.
 */
export async function readClients(draft: Draft, list: WrittenList | undefined): Promise<readonly Client[]> {
  const clients: Client[] = [];
  const owners = new Map<string, string>();
  const take = async (client: Omit<Client, "digests">, place: string, keys: readonly string[]) => {
    const digests = [...new Set(await Promise.all(keys.map(digestKey)))];
    if (clients.some(({ name }) => name === client.name)) {
      draft.problems.push(`clients: two are named ${quote(client.name)}: give each a name of its own (${place})`);
    }
    for (const digest of digests) {
      const owner = owners.get(digest);
      if (owner !== undefined) {
        draft.problems.push(
          `clients: ${quote(client.name)} has a key that ${quote(owner)} has too: give each keys of its own (${place})`,
        );
      }
      owners.set(digest, client.name);
    }
    clients.push(Object.freeze({ ...client, digests: Object.freeze(digests) }));
  };

  for (const written of entriesOf(draft, "clients", list)) {
    const { place } = written;
    const fields = readFields(draft, written);
    const keys = fields === undefined ? undefined : await keysOf(draft, fields, place);
    if (fields?.name !== undefined && keys !== undefined) await take(clientOf(fields, fields.name), place, keys);
  }
  for (const [index, key] of draft.value("apiKeys").entries()) {
    await take(plainClient(`key-${index + 1}`, []), "api_keys", [key]);
  }
  return Object.freeze(clients);
}

function clientOf(fields: Fields, name: string): Omit<Client, "digests"> {
  const plain = plainClient(name, []);
  return {
    ...plain,
    weight: fields.weight ?? plain.weight,
    priority: fields.priority ?? plain.priority,
    maxInflight: fields.max_inflight ?? plain.maxInflight,
    maxQueue: fields.max_queue ?? plain.maxQueue,
    requestsPerMinute: fields.requests_per_minute ?? plain.requestsPerMinute,
    tokensPerMinute: fields.tokens_per_minute ?? plain.tokensPerMinute,
    models: fields.models ?? plain.models,
    admin: fields.admin ?? plain.admin,
    maxWait: fields.max_wait,
  };
}

/** The fields of one client; undefined where it cannot be known by them. */
function readFields(draft: Draft, written: ReturnType<typeof entriesOf>[number]): Fields | undefined {
  const read = readEntry(draft, "clients", clientFields, written, "name, key_file");
  if (read === undefined) return undefined;
  const { entry, place } = written;
  const keys = new Set(Object.keys(Object(entry)));
  if (!keys.has("name")) draft.problems.push(`clients: name is missing: give it one (${place})`);
  if (keys.has("key") === keys.has("key_file")) {
    const what = keys.has("key") ? "key and key_file are both set: keep one of them" : "key_file is missing: set it";
    draft.problems.push(`clients: ${what} (${place})`);
    return undefined;
  }
  return read;
}

async function keysOf(draft: Draft, fields: Fields, place: string): Promise<readonly string[] | undefined> {
  if (fields.key !== undefined) return [fields.key];
  if (fields.key_file === undefined) return undefined;
  const expanded = expandPath(fields.key_file, draft.home);
  if ("value" in expanded) draft.files.push(expanded.value);
  const file: Parsed<KeyFile> = "value" in expanded ? await readKeys(expanded.value) : expanded;
  if ("problem" in file) {
    draft.problems.push(`clients: key_file ${quote(fields.key_file)} ${file.problem} (${place})`);
    return undefined;
  }
  if (file.value.warning !== undefined) draft.warnings.push(`key_file ${file.value.warning} (${place})`);
  return file.value.keys;
}

function weight(): Omit<Field<number>, "help"> {
  const allowed = "a number above 0, at most 1000, is allowed";
  return {
    schema: { type: "number", exclusiveMinimum: 0, maximum: 1_000 },
    fromFile: (value) =>
      typeof value === "number" && value > 0 && value <= 1_000 ? { value } : { problem: `is no weight: ${allowed}` },
  };
}

function patterns(): Kind<readonly string[]> {
  const list = listOf({ name: "", placeholder: "" }, (item) => item === "" ? { problem: 'holds ""' } : { value: item });
  return {
    ...list,
    fromFile(value) {
      const parsed = list.fromFile(value);
      return "value" in parsed && parsed.value.length === 0
        ? { problem: "names no model: leave it out for all" }
        : parsed;
    },
  };
}
