import type { LogRecord, Properties, Severity } from "./log.ts";

const LABELS: Readonly<Record<Severity, { readonly long: string; readonly short: string; readonly color: number }>> = {
  error: { long: "ERROR", short: "ERR", color: 31 },
  warn: { long: "WARN", short: "WRN", color: 33 },
  info: { long: "INFO", short: "INF", color: 32 },
  debug: { long: "DEBUG", short: "DBG", color: 34 },
};

/** One JSON object a line; the properties stand beside `@timestamp`, `level`, `message` and `logger`. */
export function jsonLine({ time, level, logger, message, properties }: LogRecord): string {
  const line = JSON.stringify({
    "@timestamp": new Date(time).toISOString(),
    level: LABELS[level].long,
    message,
    logger,
    ...plainProperties(properties),
  });
  return escapeControls(line) + "\n";
}

/** One readable line: time (UTC), level, then the record's text, else logger, message and the properties as `key=value`. */
export function textLine({ time, level, logger, message, properties, text }: LogRecord, colors: boolean): string {
  const { short, color } = LABELS[level];
  const clock = new Date(time).toISOString().slice(11, 23);
  const head = colors ? `\x1b[2m${clock}\x1b[22m \x1b[1;${color}m${short}\x1b[0m` : `${clock} ${short}`;
  if (text !== undefined) return `${head} ${oneLine(text())}\n`;
  let line = `${head} ${logger}: ${oneLine(message)}`;
  for (const [name, value] of Object.entries(properties)) {
    if (value !== undefined) line += ` ${name}=${word(value)}`;
  }
  return line + "\n";
}

/** The properties as JSON can hold them; most are numbers and strings, and taken as they are. */
function plainProperties(properties: Properties): Properties {
  for (const value of Object.values(properties)) {
    if (!isScalar(value)) {
      return Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, plain(each)]));
    }
  }
  return properties;
}

function plain(value: unknown): unknown {
  if (isScalar(value)) return value;
  if (value instanceof Error) {
    const { name, message, stack, cause } = value;
    return { name, message, stack, ...(cause === undefined ? {} : { cause: plain(cause) }) };
  }
  try {
    JSON.stringify(value);
    return value;
  } catch {
    return Deno.inspect(value); // a cycle, a bigint, or a toJSON that throws: whatever was thrown comes through here
  }
}

function isScalar(value: unknown): boolean {
  return value === null || (typeof value !== "object" && typeof value !== "bigint");
}

/** A value in one word, or quoted. */
function word(value: unknown): string {
  if (value instanceof Error) return quote(`${value.name}: ${value.message}`);
  if (typeof value !== "string") return isScalar(value) ? String(value) : quote(text(value));
  return /^[\x21\x23-\x7e]+$/.test(value) ? value : quote(value);
}

function text(value: unknown): string {
  const json = plain(value);
  return typeof json === "string" ? json : JSON.stringify(json);
}

function quote(value: string): string {
  return escapeControls(JSON.stringify(value));
}

/** The message, with whatever could start a line of its own or steer a terminal escaped. */
function oneLine(message: string): string {
  return /\p{Cc}/u.test(message) ? quote(message).slice(1, -1) : message;
}

/** JSON leaves DEL and the C1 controls as they are; terminals act on them. */
function escapeControls(json: string): string {
  return json.replace(/[\x7f-\x9f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
