import { getLogger } from "./log.ts";

/**
 * Sends what is written to the console into the log, so that each line on stderr has the log's form. modeld itself does not
 * use the console; Deno does, to talk to developers (2.9 warns once of `request.signal`), and packages may. What they call
 * an error is a warning here, the rest is for `debug`.
 *
 * @returns what takes it back when disposed of
 */
export function redirectConsole(): Disposable {
  const log = getLogger("console");
  const { debug, error, info, log: plain, warn } = console;
  const quiet = (...words: unknown[]) => log.debug("written to the console", { text: text(words) });
  Object.assign(console, {
    debug: quiet,
    info: quiet,
    log: quiet,
    warn: quiet,
    error: (...words: unknown[]) => log.warn("written to the console", { text: text(words) }),
  });
  return {
    [Symbol.dispose]() {
      Object.assign(console, { debug, error, info, log: plain, warn });
    },
  };
}

function text(words: readonly unknown[]): string {
  return words.map((word) => typeof word === "string" ? word : Deno.inspect(word)).join(" ");
}
