import type { Draft } from "./draft.ts";
import { hidden, type Kind, type Parsed, text } from "./kinds.ts";
import { quote, shorten, suggestion } from "./problem.ts";

/** The keys of a config file that are no settings: each holds a list of mappings. */
export const listKeys = ["clients", "servers"] as const;

/** One of these keys. */
export type ListKey = typeof listKeys[number];

/** A list of mappings of a config file as its parser gave it, and the path of that file. */
export interface WrittenList {
  readonly value: unknown;
  readonly path: string;
}

/** How a field of an entry is read, and how the schema for editors describes it. */
export type Field<T> = Pick<Kind<T>, "fromFile" | "mask"> & { readonly schema: object; readonly help: string };

/** What the fields of an entry hold. */
export type FieldsOf<F> = { [N in keyof F]?: F[N] extends Field<infer T> ? T : never };

/** Makes a field of a kind of value. */
export function field<T>({ fromFile, mask, schema }: Kind<T> | Omit<Field<T>, "help">, help: string): Field<T> {
  return { fromFile, schema, help, ...(mask === undefined ? {} : { mask }) };
}

/** The entries of a list; none, and a problem, where it is no list. */
export function entriesOf(
  draft: Draft,
  list: ListKey,
  written: WrittenList | undefined,
): readonly { readonly entry: unknown; readonly place: string }[] {
  const value = written?.value ?? [];
  if (Array.isArray(value)) {
    return value.map((entry, index) => ({ entry, place: `${list}[${index}] of ${written?.path}` }));
  }
  const what = `write one mapping a ${list.slice(0, -1)}`;
  draft.problems.push(`${list}: is not a list: ${what} (key ${list} of ${written?.path})`);
  return [];
}

/**
 * Reads the fields of one entry; a wrong one is a problem and left out.
 *
 * @param hint names fields that an entry has, for one that is no mapping
 */
export function readEntry<F extends Readonly<Record<string, Field<unknown>>>>(
  draft: Draft,
  list: ListKey,
  fields: F,
  { entry, place }: { readonly entry: unknown; readonly place: string },
  hint: string,
): FieldsOf<F> | undefined {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    draft.problems.push(`${list}: ${shown(entry)} is no mapping: write ${hint} and so on (${place})`);
    return undefined;
  }
  const read: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(entry)) {
    const known = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (known === undefined) {
      draft.problems.push(`${list}: unknown key ${quote(key)}${suggestion(key, Object.keys(fields))} (${place})`);
      continue;
    }
    const parsed = value === "" || value === null ? { problem: "is empty: give it a value" } : known.fromFile(value);
    const about = (words: string): string => `${list}: ${key} ${shown(value, known.mask)} ${words} (${place})`;
    if ("problem" in parsed) {
      draft.problems.push(about(parsed.problem));
    } else {
      read[key] = parsed.value;
      if (parsed.notice !== undefined) draft.warnings.push(about(parsed.notice));
    }
  }
  return Object.freeze(read) as FieldsOf<F>;
}

function shown(value: unknown, mask?: (text: string) => string): string {
  if (typeof value === "string") return mask === undefined ? quote(value) : maskedText(mask(value));
  if (mask !== undefined) return hidden;
  return typeof value === "number" ? String(value) : shorten(JSON.stringify(value) ?? String(value));
}

function maskedText(text: string): string {
  return text === hidden ? text : quote(text);
}

const namePattern = "^[A-Za-z0-9._-]{1,64}$";

/** A name that fits in logs, labels and headers; `reserved` are taken for something else, and what for. */
export function entryName(reserved: Readonly<Record<string, string>> = {}): Kind<string> {
  return {
    ...text,
    schema: { type: "string", pattern: namePattern },
    fromFile(value): Parsed<string> {
      if (typeof value !== "string" || !new RegExp(namePattern).test(value)) {
        return { problem: "is no name: letters, digits, dots, dashes and underscores, at most 64, are allowed" };
      }
      const meaning = Object.hasOwn(reserved, value) ? reserved[value] : undefined;
      return meaning === undefined ? { value } : { problem: `stands for ${meaning}: take another one` };
    },
  };
}
