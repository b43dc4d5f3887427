import type { ScannedBody, ScannedField } from "./body_scanner.ts";

/** What is to be different in a body. The scan must have asked for each field named here. */
export interface BodyChanges {
  /** The model's name, in place of the one that is there or as a new first field. */
  readonly model?: string | undefined;
  /** Fields that are left out, where they are there. Not `model`. */
  readonly omit?: readonly string[];
}

/** What is written in place of a part of the body. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const encoder = new TextEncoder();

/**
 * The body with these changes and all else byte for byte as it was: white space, order, escapes, and numbers that JavaScript
 * cannot hold. The same array where nothing changes.
 */
export function spliceBody(body: Uint8Array, scanned: ScannedBody, { model, omit = [] }: BodyChanges): Uint8Array {
  const omitted = omit.flatMap((name) => scanned.fields.get(name) ?? []);
  const cuts = cutsOf(omitted.sort((one, other) => one.start - other.start));
  const edits = model === undefined ? cuts : [...modelEdit(model, scanned, omitted.length), ...cuts];
  return edits.length === 0 ? body : apply(body, edits.sort((one, other) => one.start - other.start));
}

function modelEdit(model: string, scanned: ScannedBody, omitted: number): Edit[] {
  const given = scanned.fields.get("model");
  if (given !== undefined) return [{ start: given.start, end: given.end, text: JSON.stringify(model) }];
  const comma = scanned.fieldCount > omitted ? "," : "";
  return [{ start: scanned.open, end: scanned.open, text: `"model":${JSON.stringify(model)}${comma}` }];
}

/** Fields that stand next to each other are cut out together, with the comma behind them, or else the one before them. */
function cutsOf(fields: readonly ScannedField[]): Edit[] {
  const cuts: Edit[] = [];
  let first = fields[0];
  for (const [index, last] of fields.entries()) {
    const next = fields[index + 1];
    if (first === undefined || (next !== undefined && last.nextStart === next.nameStart)) continue;
    if (last.nextStart !== undefined) cuts.push({ start: first.nameStart, end: last.nextStart, text: "" });
    else cuts.push({ start: first.previousEnd ?? first.nameStart, end: last.end, text: "" });
    first = next;
  }
  return cuts;
}

/** @param edits in the order of the bytes, none inside another */
function apply(body: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const { start, end, text } of edits) {
    parts.push(body.subarray(at, start), encoder.encode(text));
    at = end;
  }
  parts.push(body.subarray(at));
  const changed = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let length = 0;
  for (const part of parts) {
    changed.set(part, length);
    length += part.length;
  }
  return changed;
}
