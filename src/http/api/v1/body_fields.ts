import type { ScannedBody, ScannedField } from "./body_scanner.ts";
import type { SlotCount } from "./routes.ts";

/** A text that modeld reads, such as a model's name or a session's id, may take this many bytes of the body. */
const MAX_TEXT_BYTES = 4096;

/** Longer numbers are no counts. */
const MAX_NUMBER_BYTES = 32;

/** The field's text, escapes decoded; undefined where it is missing, no string, or longer than 4096 bytes. */
export function textOf(body: Uint8Array, scanned: ScannedBody, name: string): string | undefined {
  const field = scanned.fields.get(name);
  if (field?.kind !== "string" || field.end - field.start > MAX_TEXT_BYTES) return undefined;
  const text: unknown = JSON.parse(source(body, field));
  return String(text);
}

/** Undefined where the field is missing or no boolean; llama-server judges what else it may be. */
export function booleanOf(body: Uint8Array, scanned: ScannedBody, name: string): boolean | undefined {
  const field = scanned.fields.get(name);
  return field?.kind === "boolean" ? source(body, field) === "true" : undefined;
}

/**
 * The number without its fraction, which llama-server cuts off where it needs an integer. Undefined where the field is
 * missing, no number, or longer than 32 bytes.
 */
export function integerOf(body: Uint8Array, scanned: ScannedBody, name: string): number | undefined {
  const field = scanned.fields.get(name);
  if (field?.kind !== "number" || field.end - field.start > MAX_NUMBER_BYTES) return undefined;
  return Math.trunc(Number(source(body, field)));
}

/**
 * How many tasks llama-server makes of the request, each of which takes a slot: its prompts, times the completions of each.
 * At least 1: what llama-server refuses is charged as one.
 */
export function countTasks(body: Uint8Array, scanned: ScannedBody, slots: SlotCount): number {
  const prompts = countPrompts(firstGiven(scanned, slots.prompts));
  const times = firstGiven(scanned, slots.times);
  return Math.max(1, prompts * (times === undefined ? 1 : integerOf(body, scanned, times.name) ?? 1));
}

/** How long an answer may be, in tokens, by the first of the fields that is given; undefined where none is. */
export function tokenLimitOf(body: Uint8Array, scanned: ScannedBody, names: readonly string[]): number | undefined {
  const given = firstGiven(scanned, names);
  return given === undefined ? undefined : integerOf(body, scanned, given.name);
}

/** As `tokenize_input_prompts` of llama.cpp's tools/server/server-common.cpp has it. */
function countPrompts(given: { readonly field: ScannedField } | undefined): number {
  if (given === undefined || given.field.kind !== "array" || given.field.hasNumbers) return 1;
  return Math.max(1, given.field.length);
}

/** llama-server takes the first of several names for the same thing; null is missing. */
function firstGiven(
  scanned: ScannedBody,
  names: readonly string[],
): { readonly name: string; readonly field: ScannedField } | undefined {
  for (const name of names) {
    const field = scanned.fields.get(name);
    if (field !== undefined && field.kind !== "null") return { name, field };
  }
  return undefined;
}

function source(body: Uint8Array, { start, end }: ScannedField): string {
  return new TextDecoder().decode(body.subarray(start, end));
}
