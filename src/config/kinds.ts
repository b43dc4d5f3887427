import { formatDuration, parseDuration } from "./duration.ts";

/**
 * What became of a written value: the value itself, or what is wrong with it and what is allowed instead. A notice says how
 * the value differs from what was written.
 */
export type Parsed<T> = { readonly value: T; readonly notice?: string } | { readonly problem: string };

/** The part of JSON Schema that describes a setting's value in a config file. */
export interface ValueSchema {
  readonly type: "string" | "integer" | "boolean" | "array" | "object" | readonly string[];
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: ValueSchema;
  readonly uniqueItems?: boolean;
  readonly additionalProperties?: { readonly type: "string" };
}

/** What sort of value a setting holds, and how it is read and written in every place where it may stand. */
export interface Kind<T> {
  /** One or two words for tables and help: `duration`, `integer`. */
  readonly name: string;
  /** Stands for the value in help: `--max-wait DURATION`. */
  readonly placeholder: string;
  /** The flag may be given several times, which is the same as once with all values by comma. */
  readonly isRepeatable?: true;
  /** A flag without a value means true. */
  readonly isBoolean?: true;
  /** The words that are allowed, where there are only a few. */
  readonly choices?: readonly string[];
  /** The value is the path of a file or folder, for shell completion. */
  readonly isPath?: "file" | "folder";
  readonly schema: ValueSchema;
  /** Hides what must not be seen in a value as it was written; absent where nothing is secret. */
  mask?(text: string): string;
  /** Reads the text of a flag or an environment variable. Never called with an empty text. */
  fromText(text: string): Parsed<T>;
  /** Reads a value of a config file, as its parser gave it. Never called with null. */
  fromFile(value: unknown): Parsed<T>;
  /** The value as JSON has it; `fromFile` reads it back. */
  toFile(value: T): string | number | boolean | readonly string[] | Readonly<Record<string, string>>;
}

/** The longest time that a timer of the platform can wait for, in whole hours (2^31 - 1 ms, rounded down). */
const longestHours = 596;

/** Any text, kept as it is. */
export const text: Kind<string> = {
  name: "text",
  placeholder: "TEXT",
  schema: { type: "string" },
  fromText: (value) => ({ value }),
  fromFile: (value) => typeof value === "string" ? { value } : { problem: "is not a text" },
  toFile: (value) => value,
};

/** The path of a file or folder; `~` is expanded when all settings are known. */
export function path(isPath: "file" | "folder"): Kind<string> {
  return { ...text, name: `path of a ${isPath}`, placeholder: isPath.toUpperCase(), isPath };
}

/** What is sent in an `Authorization` header: printable ASCII without spaces. Problems never repeat it. */
export const secret: Kind<string> = {
  ...text,
  name: "secret",
  placeholder: "KEY",
  schema: { type: "string", pattern: "^[!-~]+$" },
  mask,
  fromText: readSecret,
  fromFile: (value) => typeof value === "string" ? readSecret(value) : { problem: "is not a text" },
};

/** What stands in place of a secret. */
export const hidden = "***";

function mask(): string {
  return hidden;
}

function readSecret(value: string): Parsed<string> {
  if (/^[\x21-\x7e]+$/.test(value)) return { value };
  return { problem: "holds a character that no HTTP header can carry: printable ASCII without spaces is allowed" };
}

const secretList = listOf({ name: "list of secrets", placeholder: "KEY,KEY" }, readSecret);

/** Several secrets, by comma; at least one, so that a slip never opens what they guard. */
export const secrets: Kind<readonly string[]> = {
  ...secretList,
  mask,
  fromText(value) {
    const parsed = secretList.fromText(value);
    return "value" in parsed && parsed.value.length === 0
      ? { problem: "holds no key: at least one is needed" }
      : parsed;
  },
};

/** Several values, by comma in flags and variables, as an array in a config file. */
export function listOf(
  names: Pick<Kind<unknown>, "name" | "placeholder">,
  readItem: (item: string) => Parsed<string>,
): Kind<readonly string[]> {
  const readItems = (items: readonly string[]): Parsed<readonly string[]> => {
    const values: string[] = [];
    for (const item of items) {
      const parsed = readItem(item);
      if ("problem" in parsed) return parsed;
      values.push(parsed.value);
    }
    return { value: Object.freeze(values) };
  };
  return {
    ...names,
    schema: { type: "array", items: { type: "string" } },
    fromText: (value) => readItems(value.split(",").map((item) => item.trim()).filter((item) => item !== "")),
    fromFile: (value) =>
      Array.isArray(value) && value.every((item) => typeof item === "string")
        ? readItems(value)
        : { problem: "is not an array of texts" },
    toFile: (value) => value,
  };
}

/** Names and what they mean: `NAME=MODEL` by comma in flags and variables, a mapping in a config file. */
export const aliases: Kind<Readonly<Record<string, string>>> = {
  name: "names and models",
  placeholder: "NAME=MODEL,...",
  schema: { type: "object", additionalProperties: { type: "string" } },
  fromText(value) {
    const entries = value.split(",").map((item) => item.split("=", 2).map((part) => part.trim()));
    const wrong = entries.find(([name, model]) => !name || !model);
    return wrong === undefined
      ? { value: Object.freeze(Object.fromEntries(entries)) }
      : { problem: `has ${JSON.stringify(wrong.join("="))}: write NAME=MODEL, several by comma` };
  },
  fromFile(value) {
    const isMapping = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isMapping || Object.values(value).some((model) => typeof model !== "string" || model === "")) {
      return { problem: "is not a mapping of names to models, each a text" };
    }
    return { value: Object.freeze({ ...value }) as Readonly<Record<string, string>> };
  },
  toFile: (value) => value,
};

/** true or false. */
export const boolean: Kind<boolean> = {
  name: "boolean",
  placeholder: "BOOLEAN",
  isBoolean: true,
  choices: ["true", "false"],
  schema: { type: "boolean" },
  fromText: (value) => {
    if (value === "true" || value === "1") return { value: true };
    if (value === "false" || value === "0") return { value: false };
    return { problem: "is not a boolean: true or false is allowed" };
  },
  fromFile: (value) =>
    typeof value === "boolean" ? { value } : { problem: "is not a boolean: true or false, without quotes, is allowed" },
  toFile: (value) => value,
};

/** A whole number from `min` to `max`. */
export function integer({ min = 0, max = 2 ** 31 - 1 }: { min?: number; max?: number } = {}): Kind<number> {
  const allowed = `a whole number from ${min} to ${max} is allowed`;
  const check = (value: number): Parsed<number> =>
    value >= min && value <= max ? { value } : { problem: `is out of range: ${allowed}` };
  return {
    name: "integer",
    placeholder: "N",
    schema: { type: "integer", minimum: min, maximum: max },
    fromText: (value) =>
      /^-?\d+$/.test(value) ? check(Number(value)) : { problem: `is not a whole number: ${allowed}` },
    fromFile: (value) =>
      Number.isInteger(value)
        ? check(value as number)
        : { problem: `is not a whole number: ${allowed}, without quotes` },
    toFile: (value) => value,
  };
}

/** A duration in milliseconds. Where `zero` says what it means, 0 is allowed, also bare. */
export function duration({ zero }: { zero: string | undefined }): Kind<number> {
  const examples = "write a number with its unit, such as 300ms, 30s, 1m30s or 1h";
  const read = (value: string): Parsed<number> => {
    const ms = parseDuration(value);
    if (ms === undefined) {
      const hint = /^\d+(\.\d+)?$/.test(value) ? "has no unit" : "is not a duration";
      return { problem: `${hint}: ${examples}${zero === undefined ? "" : `; 0 means ${zero}`}` };
    }
    if (ms < 0) return { problem: `is negative: ${examples}` };
    if (ms === 0 && zero === undefined) return { problem: `must be more than 0: ${examples}` };
    if (ms > 0 && ms < 1) return { problem: "is too short: 1ms is the shortest" };
    if (ms > longestHours * 3_600_000) return { problem: `is too long: ${longestHours}h is the longest` };
    return { value: Math.round(ms) };
  };
  return {
    name: "duration",
    placeholder: "DURATION",
    schema: zero === undefined
      ? { type: "string", pattern: schemaPattern }
      : { type: ["string", "integer"], pattern: schemaPattern, maximum: 0, minimum: 0 },
    fromText: read,
    fromFile: (value) => {
      if (typeof value === "string") return read(value);
      return typeof value === "number" ? read(String(value)) : { problem: `is not a duration: ${examples}` };
    },
    toFile: (value) => value === 0 ? 0 : formatDuration(value),
  };
}

const schemaPattern = "^\\+?(0|(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|[uµμ]s|ms|s|m|h))+)$";

/** One of a few words. */
export function choice<const T extends string>(...choices: readonly T[]): Kind<T> {
  const allowed = `one of ${choices.join(", ")} is allowed`;
  const read = (value: unknown): Parsed<T> => {
    const found = choices.find((word) => word === value);
    return found === undefined ? { problem: `is not known: ${allowed}` } : { value: found };
  };
  return {
    name: choices.join(" | "),
    placeholder: "WORD",
    choices,
    schema: { type: "string", enum: choices },
    fromText: read,
    fromFile: read,
    toFile: (value) => value,
  };
}
