const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * The header value where it is a valid W3C `traceparent`, else undefined: a caller's mistake must not reach llama-server.
 * https://www.w3.org/TR/trace-context/#traceparent-header
 */
export function validTraceparent(header: string | null): string | undefined {
  const match = header?.length !== undefined && header.length <= 200 ? TRACEPARENT.exec(header) : null;
  if (match === null) return undefined;
  const [value, version, traceId, parentId, , rest] = match;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId as string) || /^0+$/.test(parentId as string)) return undefined;
  return value;
}
