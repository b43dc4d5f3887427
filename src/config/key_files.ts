import type { Draft } from "./draft.ts";
import { type Parsed, secret } from "./kinds.ts";
import { explainReadError } from "./paths.ts";
import { quote } from "./problem.ts";
import type { Source } from "./setting.ts";
import { settingsTable } from "./settings_table.ts";

const precedence: readonly Source["from"][] = ["default", "file", "variable", "flag"];

/**
 * Reads the files that hold keys and certificates: puts the keys where they would stand had they been given directly.
 *
 * @returns the PEM texts of the certificate authorities.
 */
export async function readKeyFiles(draft: Draft): Promise<readonly string[]> {
  if (fileCounts(draft)) {
    const key = await readNamedFile(draft, "llamaApiKeyFile", firstKey);
    await warnIfOpen(draft, "llamaApiKeyFile");
    if (key !== undefined) draft.set("llamaApiKey", key, draft.source("llamaApiKeyFile"));
  }
  const fileKeys = await readNamedFile(draft, "apiKeyFile", allKeys);
  await warnIfOpen(draft, "apiKeyFile");
  if (fileKeys !== undefined) {
    const directKeys = draft.value("apiKeys");
    const source = draft.source(directKeys.length === 0 ? "apiKeyFile" : "apiKeys");
    draft.set("apiKeys", Object.freeze([...new Set([...directKeys, ...fileKeys])]), source);
  }
  const pem = await readNamedFile(draft, "llamaCaFile", certificates);
  return Object.freeze(pem === undefined ? [] : [pem]);
}

/** A key given directly and a key file exclude each other; the one of the higher source counts. */
function fileCounts(draft: Draft): boolean {
  const direct = draft.source("llamaApiKey").from;
  const file = draft.source("llamaApiKeyFile").from;
  if (direct === file && direct !== "default") {
    const where = direct === "file" ? "in the config file" : `by ${direct}s`;
    draft.problems.push(`llama_api_key and llama_api_key_file are both set ${where}: keep one of them`);
  }
  return precedence.indexOf(file) > precedence.indexOf(direct);
}

async function readNamedFile<T>(
  draft: Draft,
  name: "llamaApiKeyFile" | "apiKeyFile" | "llamaCaFile",
  read: (text: string) => Parsed<T>,
): Promise<T | undefined> {
  const path = draft.value(name);
  if (path === undefined) return undefined;
  draft.files.push(path);
  const parsed = await readFileAs(path, read);
  if ("value" in parsed) return parsed.value;
  draft.report(name, path, parsed.problem);
  return undefined;
}

/** What a file holds; a file that cannot be read is a problem too. */
export async function readFileAs<T>(path: string, read: (text: string) => Parsed<T>): Promise<Parsed<T>> {
  try {
    return read(await Deno.readTextFile(path));
  } catch (error) {
    return { problem: explainReadError(error) };
  }
}

/** The keys of a client's file. */
export interface KeyFile {
  readonly keys: readonly string[];
  /** What is wrong with the file and no reason to refuse it. */
  readonly warning: string | undefined;
}

/** Reads a file of keys, one a line. */
export async function readKeys(path: string): Promise<Parsed<KeyFile>> {
  try {
    const parsed = allKeys(await Deno.readTextFile(path));
    return "problem" in parsed ? parsed : { value: { keys: parsed.value, warning: await openToAll(path) } };
  } catch (error) {
    return { problem: explainReadError(error) };
  }
}

async function warnIfOpen(draft: Draft, name: "llamaApiKeyFile" | "apiKeyFile"): Promise<void> {
  const path = draft.value(name);
  const warning = path === undefined ? undefined : await openToAll(path);
  if (warning !== undefined) draft.warnings.push(`${settingsTable[name].title} ${warning}`);
}

/** Says so where every user of the machine may read a file. Kubernetes mounts secrets so, hence no problem. */
export async function openToAll(path: string): Promise<string | undefined> {
  try {
    const { mode } = await Deno.stat(path);
    // Windows has no mode.
    if (mode === null || (mode & 0o004) === 0) return undefined;
    return `${quote(path)} may be read by every user of this machine: chmod o-r, or a Secret's defaultMode 0440`;
  } catch {
    // Whoever reads the file says why it cannot be read.
    return undefined;
  }
}

function keyLines(text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
}

/** The one key of a file. */
export function firstKey(text: string): Parsed<string> {
  const [key, ...more] = keyLines(text);
  if (key === undefined) return { problem: "holds no key: its first line must be one" };
  if (more.length > 0) return { problem: "holds more than one line: a single key is allowed" };
  return usable(secret.fromText(key));
}

function allKeys(text: string): Parsed<readonly string[]> {
  const keys = keyLines(text);
  if (keys.length === 0) return { problem: "holds no key: at least one line must be one" };
  for (const key of keys) {
    const parsed = usable(secret.fromText(key));
    if ("problem" in parsed) return parsed;
  }
  return { value: keys };
}

function usable(parsed: Parsed<string>): Parsed<string> {
  return "problem" in parsed ? { problem: `holds a key that ${parsed.problem}` } : parsed;
}

/** The PEM text of a file of certificates. */
export function certificates(text: string): Parsed<string> {
  return text.includes("-----BEGIN CERTIFICATE-----")
    ? { value: text }
    : { problem: "holds no certificate: PEM text with BEGIN CERTIFICATE is allowed" };
}
