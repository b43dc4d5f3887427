import { actions } from "../arguments.ts";
import { settingNames, settingsTable } from "../settings_table.ts";

/** One flag as a shell completes it. */
export interface CompletableFlag {
  /** Without its dashes. */
  readonly name: string;
  readonly help: string;
  /** `none`: the flag stands alone. `file`, `folder`: a path. `word`: one of `words`. `text`: anything. */
  readonly value: "none" | "file" | "folder" | "word" | "text";
  readonly words: readonly string[];
}

/** Every flag of the settings table and every action. */
export function completableFlags(): readonly CompletableFlag[] {
  const settings = settingNames.flatMap((name): CompletableFlag[] => {
    const { flag, kind, help, deprecated } = settingsTable[name];
    if (flag === undefined || deprecated !== undefined) return [];
    const value = kind.isBoolean ? "none" : kind.choices ? "word" : kind.isPath ?? "text";
    return [{ name: flag.slice(2), help, value, words: kind.choices ?? [] }];
  });
  const others = Object.entries(actions).map(([name, help]): CompletableFlag => ({
    name,
    help,
    value: "none",
    words: [],
  }));
  return [...settings, ...others];
}

/** The shells that there are completions for. */
export const shellNames = ["bash", "zsh", "fish"] as const;
