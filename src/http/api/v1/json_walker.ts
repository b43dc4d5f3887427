import {
  asciiBeginning,
  digitsEnd,
  nextPhase,
  numberMayEnd,
  NumberPhase,
  plainEnd,
  sequenceLength,
  whitespaceEnd,
} from "./json_bytes.ts";

export type JsonKind = "string" | "number" | "boolean" | "null" | "object" | "array";

/** Is told what a JsonWalker comes across, in the order of the bytes. */
export interface JsonHandler {
  /** A value begins, at its first byte. The body is the first value. */
  begin(kind: JsonKind, at: number): void;
  /** The value that began last and has not ended ends before `at`. */
  end(at: number): void;
  /** A member's name, quotes excluded. What is returned is why it is refused. */
  name(start: number, end: number): string | undefined;
  /** A string that is a value has ended, quotes excluded; its `end` follows. */
  string(start: number, end: number): void;
  /** Where in the body the walker is, for its messages; empty, or as in ` in messages`. */
  place(): string;
}

/** Why a body is refused; the caller answers 400 with the message. */
export interface BodyFault {
  readonly ok: false;
  readonly message: string;
  /** The byte at which it was noticed. */
  readonly offset: number;
}

export interface JsonLimits {
  /** How deep objects and arrays may be nested, the outermost included. */
  readonly maxDepth: number;
  /** JSON values of all levels, the outermost included. */
  readonly maxValues: number;
}

const [QUOTE, COMMA, COLON, BACKSLASH] = [0x22, 0x2c, 0x3a, 0x5c];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
const [LETTER_T, LETTER_F, LETTER_N] = [0x74, 0x66, 0x6e];

/** What may come next, or what the walker is in the middle of. */
type State = "value" | "element or ]" | "name or }" | "name" | ":" | ", or end" | "nothing" | "string" | "number";

/**
 * Checks that bytes are one JSON object in UTF-8 and tells a handler what is in it, a piece at a time. Keeps nothing of what
 * it has passed but which objects and arrays are open.
 */
export class JsonWalker {
  readonly #bytes: Uint8Array;
  readonly #limits: JsonLimits;
  readonly #handler: JsonHandler;
  /** For each open object or array, whether it is an array. */
  readonly #arrays: boolean[] = [];
  #at: number;
  #state: State = "value";
  #values = 0;
  #fault: BodyFault | undefined;
  #stringStart = 0;
  #isName = false;
  #phase: NumberPhase = NumberPhase.start;

  constructor(bytes: Uint8Array, limits: JsonLimits, handler: JsonHandler) {
    this.#bytes = bytes;
    this.#limits = limits;
    this.#handler = handler;
    // llama-server skips a byte order mark, as a TextDecoder does.
    this.#at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  }

  /** Walks up to `until`, give or take a character or a word. Says whether to go on. */
  advance(until: number): boolean {
    while (this.#at < until && this.#fault === undefined) {
      if (this.#state === "string") this.#walkString(until);
      else if (this.#state === "number") this.#walkNumber(until);
      else this.#walkStructure(until);
    }
    return this.#fault === undefined && this.#at < this.#bytes.length;
  }

  /** What was wrong; undefined where nothing was. Call it when `advance` is done. */
  fault(): BodyFault | undefined {
    if (this.#fault === undefined && this.#state !== "nothing") {
      if (this.#values === 0) this.#refuse("the body is empty; send a JSON object");
      else this.#malformed("it ends too early");
    }
    return this.#fault;
  }

  /** Punctuation, white space and words, until a string or a number begins. */
  #walkStructure(until: number): void {
    for (;;) {
      this.#at = whitespaceEnd(this.#bytes, this.#at, until);
      if (this.#at >= until || !this.#walkToken(this.#bytes[this.#at])) return;
    }
  }

  /** Says whether structure goes on behind the token. */
  #walkToken(byte: number | undefined): boolean {
    switch (this.#state) {
      case ", or end": {
        const inArray = this.#arrays[this.#arrays.length - 1];
        if (byte === COMMA) return this.#step(inArray ? "value" : "name");
        if (byte === (inArray ? CLOSE_BRACKET : CLOSE_BRACE)) return this.#close();
        return this.#malformed(inArray ? "expected ',' or ']'" : "expected ',' or '}'");
      }
      case ":":
        return byte === COLON ? this.#step("value") : this.#malformed("expected ':'");
      case "value":
        return this.#walkValue(byte);
      case "element or ]":
        return byte === CLOSE_BRACKET ? this.#close() : this.#walkValue(byte);
      case "name or }":
        return byte === CLOSE_BRACE ? this.#close() : this.#walkName(byte);
      case "name":
        return this.#walkName(byte);
      default:
        return this.#malformed("nothing may follow the object");
    }
  }

  #step(state: State): true {
    this.#at++;
    this.#state = state;
    return true;
  }

  #walkName(byte: number | undefined): false {
    return byte === QUOTE ? this.#openString(true) : this.#malformed("expected a name in double quotes");
  }

  #walkValue(byte: number | undefined): boolean {
    if (this.#arrays.length === 0 && byte !== OPEN_BRACE) return this.#refuse("the body must be a JSON object");
    switch (byte) {
      case OPEN_BRACE:
        return this.#open("object");
      case OPEN_BRACKET:
        return this.#open("array");
      case QUOTE:
        return this.#begin("string") && this.#openString(false);
      case LETTER_T:
        return this.#walkWord("true", "boolean");
      case LETTER_F:
        return this.#walkWord("false", "boolean");
      case LETTER_N:
        return this.#walkWord("null", "null");
    }
    this.#phase = nextPhase(NumberPhase.start, byte);
    if (this.#phase === NumberPhase.over) return this.#malformed("expected a value");
    if (this.#begin("number")) this.#step("number");
    return false;
  }

  #walkWord(word: string, kind: JsonKind): boolean {
    const end = this.#at + word.length;
    if (asciiBeginning(this.#bytes, this.#at, end, word.length) !== word) return this.#malformed("expected a value");
    return this.#begin(kind) && this.#end(end);
  }

  #walkNumber(until: number): void {
    while (this.#at < until) {
      // Whether it has one more digit or a million, a number that may end stays as it is, but for a leading zero.
      if (numberMayEnd(this.#phase) && this.#phase !== NumberPhase.zero) {
        this.#at = digitsEnd(this.#bytes, this.#at, until);
        if (this.#at === until) return;
      }
      const phase = nextPhase(this.#phase, this.#bytes[this.#at]);
      if (phase === NumberPhase.over) {
        if (numberMayEnd(this.#phase)) this.#end(this.#at);
        else this.#malformed("expected a digit");
        return;
      }
      this.#phase = phase;
      this.#at++;
    }
  }

  #openString(isName: boolean): false {
    this.#stringStart = this.#at + 1;
    this.#isName = isName;
    this.#step("string");
    return false;
  }

  #walkString(until: number): void {
    const bytes = this.#bytes;
    while (this.#at < until) {
      this.#at = plainEnd(bytes, this.#at, until);
      if (this.#at === until) return;
      const byte = bytes[this.#at];
      if (byte === QUOTE) return this.#closeString();
      const length = sequenceLength(bytes, this.#at);
      if (length === 0) {
        this.#malformed(byte === BACKSLASH ? "invalid escape" : "invalid UTF-8, or a control character in a string");
        return;
      }
      this.#at += length;
    }
  }

  #closeString(): void {
    const [start, end] = [this.#stringStart, this.#at];
    if (this.#isName) {
      const refusal = this.#handler.name(start, end);
      if (refusal === undefined) this.#step(":");
      else this.#refuse(refusal);
    } else {
      this.#handler.string(start, end);
      this.#end(end + 1);
    }
  }

  #begin(kind: JsonKind): boolean {
    const { maxValues } = this.#limits;
    if (++this.#values > maxValues) {
      return this.#refuse(
        `the body has more than ${maxValues} JSON values${this.#handler.place()}; send it in several requests`,
      );
    }
    this.#handler.begin(kind, this.#at);
    return true;
  }

  #end(at: number): true {
    this.#at = at;
    this.#state = this.#arrays.length === 0 ? "nothing" : ", or end";
    this.#handler.end(at);
    return true;
  }

  #open(kind: "object" | "array"): boolean {
    const { maxDepth } = this.#limits;
    if (this.#arrays.length === maxDepth) {
      return this.#refuse(
        `the body is nested deeper than ${maxDepth} levels${this.#handler.place()} (--max-json-depth)`,
      );
    }
    if (!this.#begin(kind)) return false;
    this.#arrays.push(kind === "array");
    return this.#step(kind === "array" ? "element or ]" : "name or }");
  }

  #close(): true {
    this.#arrays.pop();
    return this.#end(this.#at + 1);
  }

  #malformed(reason: string): false {
    return this.#refuse(`the body is not valid JSON at byte ${this.#at}${this.#handler.place()}: ${reason}`);
  }

  #refuse(message: string): false {
    this.#fault = { ok: false, message, offset: this.#at };
    return false;
  }
}
