/** How much is logged; each level includes those before it. */
export const LOG_LEVELS = ["off", "error", "warn", "info", "debug"] as const;

/** One of `LOG_LEVELS`. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Whether a line of level `level` is logged where the log is at `shown`. */
export function isShown(level: LogLevel, shown: LogLevel): boolean {
  return RANK[level] <= RANK[shown];
}

const RANK: Readonly<Record<LogLevel, number>> = { off: 0, error: 1, warn: 2, info: 3, debug: 4 };

/**
 * The level a client asks for its own request: `?log=off|error|info|debug` (also `1`, which is debug), else
 * `X-Log-Level` with the same words, else `X-Log-Infer: 1`, which is debug. A word that is none of these asks for nothing.
 */
export function requestedLogLevel(query: URLSearchParams, headers: Headers): LogLevel | undefined {
  if (query.get("log") === "1") return "debug";
  return levelOf(query.get("log")) ?? levelOf(headers.get("x-log-level")) ??
    (headers.get("x-log-infer") === "1" ? "debug" : undefined);
}

function levelOf(word: string | null): LogLevel | undefined {
  const lower = word?.toLowerCase();
  return lower === "off" || lower === "error" || lower === "info" || lower === "debug" ? lower : undefined;
}
