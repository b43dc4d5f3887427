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
