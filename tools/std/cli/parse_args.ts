/** Options of {@linkcode parseArgs}; each list names flags without their dashes. */
export interface ParseOptions<B extends string = string, S extends string = string, C extends string = string> {
  /** Flags that take no value; `false` where they are missing. `true`: every `--flag` without `=`. */
  boolean?: boolean | B | readonly B[];
  /** Flags whose value stays a string, however much it looks like a number; `""` where it is missing. */
  string?: S | readonly S[];
  /** Flags that may come more than once; all values, in order, as an array. Else the last one wins. */
  collect?: C | readonly C[];
  /** Flags that `--no-<flag>` sets to false. */
  negatable?: string | readonly string[];
  /** Other names of a flag; a value is stored under all of them. */
  alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Values of flags that were not given. */
  default?: Readonly<Record<string, unknown>>;
  /** Keep what follows `--` apart, as `result["--"]`. */
  "--"?: boolean;
  /** Take everything from the first operand on as operands. */
  stopEarly?: boolean;
  /** Called for each argument that no option names; what it answers with `false` is left out. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

type Named<Names extends string, Value> = string extends Names ? unknown : { [Name in Names]: Value };

/** What {@linkcode parseArgs} returns: the flags by name, and the operands as `_`. */
export type Args<B extends string = string, S extends string = string, C extends string = string> =
  & Record<string, unknown>
  & Named<B, boolean>
  & Partial<Record<string extends S ? never : Exclude<S, C>, string>>
  & Named<C, string[]>
  & { _: (string | number)[]; "--"?: string[] };

/**
 * Parses command line arguments as minimist does: `--flag value`, `--flag=value`, `--flag`, `-f value`, `-f`, and `-abc`
 * for `-a -b -c`. Text that looks like a number becomes one, unless the flag is listed as `string`.
 * Of the real function this leaves out dotted names (`--a.b`), and values glued to a short flag (`-n5`).
 */
export function parseArgs<B extends string = never, S extends string = never, C extends string = never>(
  args: readonly string[],
  options: ParseOptions<B, S, C> = {},
): Args<B, S, C> {
  const aliases = aliasGroups(options.alias ?? {});
  const group = (key: string): readonly string[] => aliases.get(key) ?? [key];
  const named = (names: unknown) => new Set([names ?? []].flat().filter((n) => typeof n === "string").flatMap(group));
  const booleans = named(options.boolean);
  const strings = named(options.string);
  const collected = named(options.collect);
  const negatable = named(options.negatable);
  const result: Record<string, unknown> & { _: (string | number)[] } = { _: [] };

  function set(key: string, raw: string | boolean, arg: string, negated = false): void {
    const known = [booleans, strings, collected, aliases].some((names) => names.has(key)) ||
      (options.boolean === true && /^--[^=]+$/.test(arg));
    if (!known && options.unknown?.(arg, key, raw) === false) return;
    const value = typeof raw === "string" && !strings.has(key) ? numberOr(raw) : raw;
    for (const name of group(key)) store(name, value, !negated && collected.has(name));
  }

  function store(name: string, value: unknown, collect: boolean): void {
    if (name === "__proto__" || name === "constructor") return;
    const before = Object.hasOwn(result, name) ? result[name] : undefined;
    result[name] = collect ? [...(Array.isArray(before) ? before : []), value] : value;
  }

  /** Stores a flag without `=`; returns whether it took the next argument as its value. */
  function setFrom(key: string, next: string | undefined, arg: string): boolean {
    const takesValue = !booleans.has(key) && !(options.boolean === true && arg.startsWith("--"));
    const flagLike = arg.startsWith("--") ? /^-/ : /^--?[^-]/;
    const isValue = takesValue ? !!next && !flagLike.test(next) : next === "true" || next === "false";
    if (!isValue) set(key, strings.has(key) ? "" : true, arg);
    else set(key, takesValue ? next ?? "" : next === "true", arg);
    return isValue;
  }

  const end = args.indexOf("--");
  const rest = end < 0 ? [] : args.slice(end + 1);
  const parsed = end < 0 ? args : args.slice(0, end);
  for (let i = 0; i < parsed.length; i++) {
    const arg = parsed[i] ?? "";
    const [, dashes, key = "", value] = /^(--?)([^=]+?)(?:=(.*))?$/s.exec(arg) ?? [];
    if (dashes === undefined) {
      if (options.unknown?.(arg) !== false) result._.push(strings.has("_") ? arg : numberOr(arg));
      if (!options.stopEarly) continue;
      result._.push(...parsed.slice(i + 1));
      break;
    }
    const flags = dashes === "--" ? [key] : [...key];
    const last = flags.pop() ?? "";
    for (const flag of flags) set(flag, strings.has(flag) ? "" : true, arg);
    const positive = last.replace(/^no-/, "");
    if (value !== undefined) set(last, booleans.has(last) ? value !== "false" : value, arg);
    else if (positive !== last && negatable.has(positive)) set(positive, false, arg, true);
    else if (setFrom(last, parsed[i + 1], arg)) i++;
  }

  for (const [key, value] of Object.entries(options.default ?? {})) {
    if (!Object.hasOwn(result, key)) { for (const name of group(key)) store(name, value, false); }
  }
  for (const key of booleans) if (!Object.hasOwn(result, key)) result[key] = collected.has(key) ? [] : false;
  for (const key of strings) if (!Object.hasOwn(result, key) && collected.has(key)) result[key] = [];
  if (options["--"]) result["--"] = rest;
  else result._.push(...rest);
  return result as Args<B, S, C>;
}

function aliasGroups(alias: Readonly<Record<string, string | readonly string[]>>): Map<string, readonly string[]> {
  const groups = Object.entries(alias).map(([key, names]) => [key, ...[names].flat()]);
  return new Map(groups.flatMap((group) => group.map((name) => [name, group])));
}

function numberOr(text: string): string | number {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
