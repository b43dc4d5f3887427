import {
  type AnsiColorFormatterOptions,
  type FormattedValues,
  getAnsiColorFormatter,
  getJsonLinesFormatter,
  getTextFormatter,
  type TextFormatter,
} from "@logtape/logtape";

/** One JSON object a line; the properties of a record stand beside `@timestamp`, `level`, `message` and `logger`. */
export function jsonFormatter(): TextFormatter {
  return getJsonLinesFormatter({ categorySeparator: area, properties: "flatten" });
}

/** One readable line: time, level, area, message, then the properties as `key=value`. */
export function textFormatter(colors: boolean): TextFormatter {
  const options: AnsiColorFormatterOptions = {
    timestamp: "time",
    level: "ABBR",
    category: area,
    value: "bare",
    sanitize: { newlines: "escape" },
    format: line,
  };
  return colors ? getAnsiColorFormatter(options) : getTextFormatter(options);
}

/** `modeld.infer`; what follows tells levels apart and is nobody's business. */
function area(category: readonly string[]): string {
  return category.slice(0, 2).join(".");
}

function line({ timestamp, level, category, message, record }: FormattedValues): string {
  const template = typeof record.rawMessage === "string" ? record.rawMessage : "";
  const properties = Object.entries(record.properties)
    .filter(([key, value]) => value !== undefined && !template.includes(`{${key}}`))
    .map(([key, value]) => ` ${key}=${plain(value)}`);
  return `${timestamp} ${level} ${category}: ${message}${properties.join("")}`;
}

/** A value in one word, or quoted; never with a control character in it. */
function plain(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean" || value === null) return String(value);
  if (value instanceof Error) return JSON.stringify(`${value.name}: ${value.message}`);
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  return /^[\x21\x23-\x7e]+$/.test(text) ? text : escapeC1(JSON.stringify(text));
}

/** JSON leaves DEL and the C1 controls as they are; terminals act on them. */
function escapeC1(text: string): string {
  return text.replace(/[\x7f-\x9f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
