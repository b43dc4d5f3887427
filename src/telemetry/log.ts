import { isShown, type LogLevel } from "../base/log_level.ts";
import { jsonLine, textLine } from "./log_format.ts";

/** How log lines look: `text` for people, `json` for programs (JSON Lines). */
export type LogFormat = "text" | "json";

/** What `configureLog` needs to know. */
export interface LogOptions {
  readonly level: LogLevel;
  /** Missing: `text` where stderr is a terminal, else `json`. */
  readonly format?: LogFormat;
  /** Takes one line with its newline; stderr unless a test says otherwise. */
  readonly write?: (line: string) => void;
}

/** What a log line says beside its message; a property that is undefined is left out. */
export type Properties = Readonly<Record<string, unknown>>;

/** One line of the log, before it has a form. */
export interface LogRecord {
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  readonly level: Severity;
  /** Who speaks, such as `modeld.fleet`. */
  readonly logger: string;
  readonly message: string;
  readonly properties: Properties;
  /** The whole line for people, in place of logger, message and properties; missing: those. */
  readonly text?: (() => string) | undefined;
}

/** The level of one line. */
export type Severity = Exclude<LogLevel, "off">;

interface Output {
  readonly level: LogLevel;
  readonly print: (record: LogRecord) => void;
}

let output: Output | undefined;

/**
 * Sends the log of all of modeld to stderr. Until then, and without options, nothing is logged. Writing is synchronous, so
 * that the last line before an exit is never lost.
 */
export function configureLog(options: LogOptions | undefined): void {
  output = options && outputOf(options);
}

function outputOf({ level, format, write = writeToStderr }: LogOptions): Output {
  const terminal = Deno.stderr.isTerminal();
  if ((format ?? (terminal ? "text" : "json")) === "json") return { level, print: (record) => write(jsonLine(record)) };
  const colors = terminal && !Deno.noColor;
  // A line of progress may stand there, which is longer.
  const clear = terminal ? "\x1b[K" : "";
  return { level, print: (record) => write(clear + textLine(record, colors)) };
}

/** The log of one part of modeld. */
export class Logger {
  readonly #name: string;
  readonly #level: LogLevel | undefined;

  /** @param level how much is logged; missing: as much as `configureLog` says. */
  constructor(name: string, level?: LogLevel) {
    this.#name = name;
    this.#level = level;
  }

  /** Whether lines of this level are logged. */
  isEnabledFor(level: Severity): boolean {
    return output !== undefined && isShown(level, this.#level ?? output.level);
  }

  error(message: string, properties?: Properties): void {
    this.log("error", message, properties);
  }

  warn(message: string, properties?: Properties): void {
    this.log("warn", message, properties);
  }

  info(message: string, properties?: Properties): void {
    this.log("info", message, properties);
  }

  debug(message: string, properties?: Properties): void {
    this.log("debug", message, properties);
  }

  /** @param text makes what people are shown in place of message and properties */
  log(level: Severity, message: string, properties?: Properties, text?: () => string): void {
    if (!this.isEnabledFor(level)) return;
    output?.print({ time: Date.now(), level, logger: this.#name, message, properties: properties ?? {}, text });
  }
}

/** The log of a part of modeld, such as `fleet`. */
export function getLogger(part: string): Logger {
  return new Logger(`modeld.${part}`);
}

const INFER = "modeld.infer";
const ownLevel = new Logger(INFER);
const fixedLevel: Readonly<Record<LogLevel, Logger>> = {
  off: new Logger(INFER, "off"),
  error: new Logger(INFER, "error"),
  warn: new Logger(INFER, "warn"),
  info: new Logger(INFER, "info"),
  debug: new Logger(INFER, "debug"),
};

/** The log of one inference: at the level its client asked for, else at that of the daemon. */
export function inferLogger(requested: LogLevel | undefined): Logger {
  return requested === undefined ? ownLevel : fixedLevel[requested];
}

const encoder = new TextEncoder();

/** A stderr that is closed costs the log and nothing else: there is nowhere left to say so. */
function writeToStderr(line: string): void {
  const bytes = encoder.encode(line);
  try {
    for (let written = 0; written < bytes.length;) written += Deno.stderr.writeSync(bytes.subarray(written));
  } catch {
    // nobody can be told
  }
}

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
