import { configureSync, getLogger, type Logger, type LogRecord } from "@logtape/logtape";
import { jsonFormatter, textFormatter } from "./log_format.ts";
import { LOG_LEVELS, type LogLevel, logTapeLevel } from "./log_level.ts";

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

const INFER = ["modeld", "infer"];

/**
 * Sends the log of all of modeld to stderr. Called once at start, and again to change it; until then nothing is logged.
 * Writing is synchronous, so that the last line before an exit is never lost.
 */
export function configureLog(options: LogOptions): void {
  const terminal = Deno.stderr.isTerminal();
  const format = options.format ?? (terminal ? "text" : "json");
  const formatter = format === "json" ? jsonFormatter() : textFormatter(terminal && !Deno.noColor);
  const write = options.write ?? writeToStderr;
  configureSync({
    reset: true,
    sinks: { out: (record: LogRecord) => write(formatter(record)) },
    loggers: [
      { category: ["modeld"], sinks: ["out"], lowestLevel: logTapeLevel(options.level) },
      ...LOG_LEVELS.map((level) => ({
        category: [...INFER, level],
        sinks: ["out" as const],
        parentSinks: "override" as const,
        lowestLevel: logTapeLevel(level),
      })),
      // LogTape reports a sink that throws; stderr is gone then, and there is nowhere else to say so.
      { category: ["logtape", "meta"], sinks: [], lowestLevel: null },
    ],
  });
}

const inferLoggers = new Map(LOG_LEVELS.map((level) => [level, getLogger([...INFER, level])]));

/** The log of one inference: at the level its client asked for, else at that of the daemon. */
export function inferLogger(requested: LogLevel | undefined): Logger {
  return (requested && inferLoggers.get(requested)) ?? getLogger(INFER);
}

const encoder = new TextEncoder();

function writeToStderr(line: string): void {
  const bytes = encoder.encode(line);
  for (let written = 0; written < bytes.length;) written += Deno.stderr.writeSync(bytes.subarray(written));
}
