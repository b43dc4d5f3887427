import type { Parsed } from "./kinds.ts";
import { expandHome } from "./paths.ts";
import { describeProblem } from "./problem.ts";
import type { Source } from "./setting.ts";
import { type SettingName, type Settings, settingsTable } from "./settings_table.ts";

/** A configuration while it is gathered: values so far, where they came from, and everything that is wrong with them. */
export class Draft {
  readonly problems: string[];
  /** What is allowed and yet probably not meant, and how values differ from what was written. */
  readonly warnings: string[] = [];
  /** The files that were read, or should have been. */
  readonly files: string[] = [];
  readonly home: string | undefined;
  readonly #values = new Map<SettingName, unknown>();
  readonly #sources = new Map<SettingName, Source>();

  constructor(problems: readonly string[], home: string | undefined) {
    this.problems = [...problems];
    this.home = home;
  }

  /** Whether a source of higher precedence has set it already, well or badly. */
  has(name: SettingName): boolean {
    return this.#sources.has(name);
  }

  /** The value so far; the default where there is none. */
  value<N extends SettingName>(name: N): Settings[N] {
    // Values come in through `take` and `set` alone, after the setting's own kind has read them.
    return (this.#values.has(name) ? this.#values.get(name) : settingsTable[name].default) as Settings[N];
  }

  source(name: SettingName): Source {
    return this.#sources.get(name) ?? { from: "default" };
  }

  /** Takes what a source says. A wrong value is a problem, and the default stands in for it. */
  take(name: SettingName, written: unknown, parsed: Parsed<unknown>, source: Source): void {
    this.#sources.set(name, source);
    const expanded = "value" in parsed ? expandHome(settingsTable[name], parsed.value, this.home) : parsed;
    if ("notice" in parsed && parsed.notice !== undefined) {
      this.warnings.push(describeProblem(settingsTable[name], written, source, parsed.notice));
    }
    if ("value" in expanded) this.#values.set(name, expanded.value);
    else this.report(name, written, expanded.problem);
  }

  /** Puts a value in the place of what a source said. */
  set<N extends SettingName>(name: N, value: Settings[N], source: Source): void {
    this.#values.set(name, value);
    this.#sources.set(name, source);
  }

  /** Notes what is wrong with a value that was taken. */
  report(name: SettingName, written: unknown, problem: string): void {
    this.problems.push(describeProblem(settingsTable[name], written, this.source(name), problem));
  }
}
