import { asciiBeginning } from "./json_bytes.ts";
import { type BodyFault, type JsonHandler, type JsonKind, JsonWalker } from "./json_walker.ts";
import { MediaWatch } from "./media_watch.ts";

/** Where something begins in the body, and the byte behind its end. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A top-level field that was asked for. Its span is that of its value. */
export interface ScannedField extends Span {
  readonly kind: JsonKind;
  /** Where the field's name begins, at its quote. */
  readonly nameStart: number;
  /** Where the value of the field before it has ended; undefined for the first field. */
  readonly previousEnd: number | undefined;
  /** Where the name of the field after it begins; undefined for the last field. */
  readonly nextStart: number | undefined;
  /** How many elements it has, where it is an array. */
  readonly length: number;
  /** Whether a number is among its elements: llama-server takes such an array for one prompt, in tokens. */
  readonly hasNumbers: boolean;
  /** Its elements, where it is an array and they were asked for. */
  readonly elements: readonly Span[];
}

/** What is known of a body that is well-formed and within the limits. */
export interface ScannedBody {
  readonly ok: true;
  readonly fields: ReadonlyMap<string, ScannedField>;
  /** How many top-level fields the body has, whatever they are called. */
  readonly fieldCount: number;
  /** Behind the opening brace, where a field can be put in. */
  readonly open: number;
  /** Where the first http(s) address of a picture, sound, video or file is; see MediaWatch. */
  readonly mediaAddress: number | undefined;
}

export interface ScanOptions {
  /** Top-level fields to report, named in letters, digits and underscores. Each may come only once: of two, llama-server might read the other. */
  readonly fields: readonly string[];
  /** Those among them whose elements are reported too. */
  readonly elements?: readonly string[];
  /** How deep objects and arrays may be nested, the body itself included. */
  readonly maxDepth: number;
  /** MAX_VALUES where it is missing. */
  readonly maxValues?: number;
  /** Ends the scan between two turns; its reason is thrown. */
  readonly signal?: AbortSignal;
  /** Resolves in a later turn of the event loop. */
  readonly turn?: () => Promise<void>;
}

/** JSON values in a body, as the contract has it: many small ones take long to parse and much memory in llama-server. */
export const MAX_VALUES = 100_000;

/** How much is scanned before others have their turn: one to two milliseconds' work. */
export const BYTES_PER_TURN = 256 * 1024;

/**
 * Reads from a request's body what has to be known before it is passed on. Builds no values: its time grows with the bytes
 * alone, its memory is that of the fields reported. Accepts what JSON.parse accepts of valid UTF-8, where it is an object and
 * within the limits.
 *
 * @throws the signal's reason
 */
export async function scanBody(body: Uint8Array, options: ScanOptions): Promise<ScannedBody | BodyFault> {
  const { signal, turn = nextTurn, maxDepth, maxValues = MAX_VALUES } = options;
  signal?.throwIfAborted();
  const reader = new BodyReader(body, options);
  const walker = new JsonWalker(body, { maxDepth, maxValues }, reader);
  for (let until = BYTES_PER_TURN; walker.advance(Math.min(until, body.length)); until += BYTES_PER_TURN) {
    await turn();
    signal?.throwIfAborted();
  }
  return walker.fault() ?? reader.scanned();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

type FieldDraft = { -readonly [Key in keyof ScannedField]: ScannedField[Key] };

/** Notes the top-level fields that were asked for; leaves what is below them to the MediaWatch. */
class BodyReader implements JsonHandler {
  readonly #body: Uint8Array;
  readonly #asked: ReadonlySet<string>;
  readonly #askedElements: ReadonlySet<string>;
  readonly #longestName: number;
  readonly #fields = new Map<string, FieldDraft>();
  readonly #media: MediaWatch;
  /** How many values have begun and not ended: 1 in the body, 2 in a top-level field, 3 in its element or member. */
  #depth = 0;
  #open = 0;
  #fieldCount = 0;
  #nameStart = 0;
  #nameEnd = 0;
  /** The field that is being read, where it was asked for. */
  #field: FieldDraft | undefined;
  #elements: Span[] | undefined;
  #elementStart = 0;
  #previous: FieldDraft | undefined;
  #previousEnd: number | undefined;

  constructor(body: Uint8Array, { fields, elements = [] }: ScanOptions) {
    this.#body = body;
    this.#asked = new Set(fields);
    this.#askedElements = new Set(elements);
    this.#longestName = Math.max(0, ...fields.map((name) => name.length));
    this.#media = new MediaWatch(body);
  }

  scanned(): ScannedBody {
    return {
      ok: true,
      fields: this.#fields,
      fieldCount: this.#fieldCount,
      open: this.#open,
      mediaAddress: this.#media.address,
    };
  }

  begin(kind: JsonKind, at: number): void {
    const depth = ++this.#depth;
    const field = this.#field;
    if (depth === 1) {
      this.#open = at + 1;
    } else if (depth === 2 && field !== undefined) {
      field.kind = kind;
      field.start = at;
    } else if (depth === 3 && field?.kind === "array") {
      field.length++;
      if (kind === "number") field.hasNumbers = true;
      this.#elementStart = at;
    }
    if (kind === "object" || kind === "array") this.#media.open(depth);
  }

  end(at: number): void {
    const depth = this.#depth--;
    if (depth === 2) {
      if (this.#field !== undefined) this.#field.end = at;
      this.#previous = this.#field;
      this.#previousEnd = at;
      this.#field = undefined;
      this.#elements = undefined;
    } else if (depth === 3 && this.#field?.kind === "array") {
      this.#elements?.push({ start: this.#elementStart, end: at });
    } else if (depth === 1) {
      this.#nameEnd = this.#nameStart;
    }
  }

  name(start: number, end: number): string | undefined {
    if (this.#depth === 1) return this.#beginField(start, end);
    this.#media.name(start, end);
    return undefined;
  }

  string(start: number, end: number): void {
    this.#media.string(start, end, this.#depth - 1);
  }

  place(): string {
    const [start, end] = [this.#nameStart, this.#nameEnd];
    if (start === end) return "";
    // As it is in the body, escapes included, so that it fits into a line whatever it is.
    return ` in ${new TextDecoder().decode(this.#body.subarray(start, Math.min(end, start + 64)))}`;
  }

  /** Says why the field is refused, where it is. */
  #beginField(start: number, end: number): string | undefined {
    const nameStart = start - 1;
    this.#fieldCount++;
    this.#nameStart = start;
    this.#nameEnd = end;
    if (this.#previous !== undefined) this.#previous.nextStart = nameStart;
    const name = asciiBeginning(this.#body, start, end, this.#longestName + 1);
    if (!this.#asked.has(name)) return undefined;
    if (this.#fields.has(name)) return `${name} is given twice, again at byte ${nameStart}; send it once`;
    const elements: Span[] = [];
    this.#field = {
      kind: "null",
      start: 0,
      end: 0,
      nameStart,
      previousEnd: this.#previousEnd,
      nextStart: undefined,
      length: 0,
      hasNumbers: false,
      elements,
    };
    if (this.#askedElements.has(name)) this.#elements = elements;
    this.#fields.set(name, this.#field);
    return undefined;
  }
}
