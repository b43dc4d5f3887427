import { readArguments } from "../../src/config/arguments.ts";
import { type Configuration, loadConfiguration } from "../../src/config/load.ts";
import { ConfigurationError } from "../../src/config/problem.ts";

/** What an operator has set. */
export interface Given {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The configuration that comes of it. */
export function configure({ args = [], env = {} }: Given): Promise<Configuration> {
  return loadConfiguration(readArguments(args), new Map(Object.entries(env)));
}

/** The problems that are reported for it; none where it is fine. */
export async function problemsOf(given: Given): Promise<readonly string[]> {
  try {
    await configure(given);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}

/** Runs a test with a file of this text, which is gone afterwards. */
export async function withFile<T>(extension: string, text: string, test: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ suffix: extension });
  try {
    await Deno.writeTextFile(path, text);
    return await test(path);
  } finally {
    await Deno.remove(path);
  }
}
