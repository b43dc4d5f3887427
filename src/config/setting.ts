import type { Kind } from "./kinds.ts";

/** The headings under which help and docs list the settings, in this order. */
export const groups = [
  "General",
  "Listening",
  "llama-server",
  "Models and admission",
  "Deadlines",
  "Limits",
  "Access",
  "Logs and events",
  "Start",
  "Deprecated",
] as const;

/** One setting: its names in every place where it may be set, its kind, its default, its help. */
export interface Setting<T> {
  /** What problems and help call it: its config key, or what that would be. */
  readonly title: string;
  /** With its dashes; absent where it cannot be a flag. */
  readonly flag?: string;
  /** Names of environment variables; the first that is set counts. */
  readonly variables: readonly string[];
  /** Name in a config file; absent where it cannot stand there. */
  readonly key?: string;
  readonly kind: Kind<Exclude<T, undefined>>;
  readonly default: T;
  /** A value for docs and example files, where the default alone shows too little. */
  readonly example?: T;
  /** What the default means, where the value alone does not say it. */
  readonly defaultNote?: string;
  /** One line, without a full stop. */
  readonly help: string;
  readonly group: typeof groups[number];
  /** Whether a change holds as soon as the configuration is reloaded. */
  readonly reload: "live" | "restart";
  /** An empty environment variable is a mistake here, not a missing value. */
  readonly refusesEmpty: boolean;
  /** Parsed and never used; says what to do instead. */
  readonly deprecated?: string;
}

/** How a setting is written in the table: names only where they do not follow from the setting's own. */
export interface Definition<T> {
  readonly kind: Kind<Exclude<T, undefined>>;
  readonly default: T;
  readonly help: string;
  readonly group: typeof groups[number];
  /** Missing: `restart`. */
  readonly reload?: "live";
  readonly example?: T;
  readonly defaultNote?: string;
  readonly flag?: null;
  readonly variables?: readonly string[];
  readonly key?: string | null;
  readonly refusesEmpty?: boolean;
  readonly deprecated?: string;
}

type Table<D> = { readonly [N in keyof D]: Setting<D[N] extends Definition<infer T> ? T : never> };

/**
 * Completes a table: the setting `llamaIdleTimeout` is the flag `--llama-idle-timeout`, the variable
 * `LLAMA_IDLE_TIMEOUT` (`MODELD_` in front of all others) and the config key `llama_idle_timeout`.
 */
export function complete<D extends Record<string, Definition<unknown>>>(definitions: D): Table<D> {
  const entries = Object.entries(definitions).map(([name, definition]) => [name, completeOne(name, definition)]);
  return Object.freeze(Object.fromEntries(entries)) as Table<D>;
}

function completeOne(name: string, definition: Definition<unknown>): Setting<unknown> {
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const variable = snake.startsWith("llama_") ? snake.toUpperCase() : `MODELD_${snake.toUpperCase()}`;
  const { flag, key, ...rest } = definition;
  return Object.freeze({
    refusesEmpty: false,
    reload: "restart",
    title: key ?? snake,
    variables: [variable],
    ...rest,
    default: Object.freeze(definition.default),
    ...(flag === null ? {} : { flag: `--${snake.replaceAll("_", "-")}` }),
    ...(key === null ? {} : { key: key ?? snake }),
  });
}

/** Gives a definition its type: a setting that always has a value. */
export function setting<T>(kind: Kind<T>, value: T, rest: Omit<Definition<T>, "kind" | "default">): Definition<T> {
  return { kind, default: value, ...rest } as Definition<T>;
}

/** Gives a definition its type: a setting that may have no value. */
export function optional<T>(kind: Kind<T>, rest: Omit<Definition<T>, "kind" | "default">): Definition<T | undefined> {
  return { kind, default: undefined, ...rest } as Definition<T | undefined>;
}

/** Where a value came from. The order is the precedence, lowest first. */
export type Source =
  | { readonly from: "default" }
  | { readonly from: "file"; readonly path: string; readonly key: string }
  | { readonly from: "variable"; readonly name: string }
  | { readonly from: "flag"; readonly name: string };

/** A source in words: `variable MODELD_ADDR`, `key addr of modeld.yaml`. */
export function describeSource(source: Source): string {
  switch (source.from) {
    case "default":
      return "default";
    case "file":
      return `key ${source.key} of ${source.path}`;
    default:
      return `${source.from} ${source.name}`;
  }
}
