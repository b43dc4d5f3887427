import { bashCompletions, fishCompletions, zshCompletions } from "../config/completions.ts";
import { versions } from "../base/version.ts";
import { type Arguments, commandFlags, readArguments } from "../config/arguments.ts";
import { type Environment, readEnvironment } from "../config/environment.ts";
import { type Command, commands, help, shortHelp } from "../config/help.ts";
import { type Configuration, loadConfiguration, withoutKeys } from "../config/load.ts";
import { ConfigurationError, quote, suggestion } from "../config/problem.ts";
import { printConfig } from "../config/show.ts";
import { check } from "./check.ts";
import { health } from "./health.ts";
import { print, printNotice, printProblem } from "./print.ts";
import { onHangUp } from "./process.ts";
import { serve } from "./serve.ts";

/** The exit code of a command line or configuration that cannot be used. */
const misuse = 2;

const shells: Readonly<Record<string, () => string>> = Object.freeze({
  bash: bashCompletions,
  zsh: zshCompletions,
  fish: fishCompletions,
});

/** Does what the command line says; resolves with the exit code of the process, whatever happens. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    return await dispatch(args);
  } catch (error) {
    printNotice(`modeld: unexpected failure, please report it: ${error instanceof Error ? error.stack : error}\n`);
    return 1;
  }
}

async function dispatch(args: readonly string[]): Promise<number> {
  const parsed = readArguments(args);
  const [word = "serve", ...rest] = parsed.words;
  if (parsed.actions.has("help") || word === "help") return print(help());
  if (parsed.actions.has("short-help")) return print(shortHelp());
  if (parsed.actions.has("version") || word === "version") return print(versions());

  const command = Object.keys(commands).find((name) => name === word) as Command | undefined;
  if (command === undefined) {
    return refuse([`unknown command ${quote(word)}${booleanHint(word) || suggestion(word, Object.keys(commands))}`]);
  }
  if (command === "completions") return printCompletions(rest) ?? refuse(["say for which shell: bash, zsh or fish"]);
  if (rest.length > 0) {
    const words = rest.join(" ");
    return refuse([`unexpected ${quote(words)} after ${command}${booleanHint(words)}`]);
  }
  const foreign = [...parsed.commandFlags.keys()].filter((name) => commandFlags[name].command !== command);
  if (foreign.length > 0) {
    return refuse(foreign.map((name) => `--${name} is a flag of modeld ${commandFlags[name].command} alone`));
  }
  return await runConfigured(command, parsed, readEnvironment());
}

async function runConfigured(command: Command, parsed: Arguments, environment: Environment): Promise<number> {
  let configuration: Configuration;
  try {
    configuration = await loadConfiguration(parsed, environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return refuse(error.problems);
    throw error;
  }
  if (parsed.actions.has("print-config")) return print(printConfig(configuration));
  switch (command) {
    case "demo": {
      // Loaded on demand: no other start is to pay for it.
      const { demo } = await import("./demo.ts");
      return await demo(configuration);
    }
    case "check":
      return await check(configuration);
    case "status": {
      const { status } = await import("./status.ts");
      return await status(configuration, parsed.commandFlags);
    }
    case "health":
      return await health(configuration.settings.addr, configuration.tls !== undefined);
    default:
      return await serve(withoutKeys(configuration), {
        renewal: { load: async () => withoutKeys(await loadConfiguration(parsed, environment)), onAsked: onHangUp },
      });
  }
}

/** Prints the completions for a shell; resolves with the exit code, or nothing where there is no such shell. */
function printCompletions(words: readonly string[]): number | undefined {
  const [shell = "", ...rest] = words;
  const completions = Object.hasOwn(shells, shell) && rest.length === 0 ? shells[shell] : undefined;
  return completions === undefined ? undefined : print(completions());
}

/** What to do where a boolean flag's value was written as a word of its own. */
function booleanHint(word: string): string {
  return word === "true" || word === "false" ? `; a flag takes it as --flag=${word}` : "";
}

function refuse(problems: readonly string[]): number {
  for (const problem of problems) printProblem(problem);
  printProblem("see modeld --help");
  return misuse;
}
