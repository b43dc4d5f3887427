/**
 * HTTP/2 by prior knowledge, frame by frame (RFC 9113), so that a test decides on every frame and on what goes out in one
 * write. Header blocks use one form alone: literal without indexing (RFC 7541, 6.2.2).
 */

const utf8 = new TextEncoder();

/** What a connection begins with. */
const PREFACE: Frame = utf8.encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

const TYPE = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const ACK = 0x1;

/** The setting that says how many bytes of each stream its receiver takes before it allows more. */
export const INITIAL_WINDOW_SIZE = 4;

const POST = {
  ":method": "POST",
  ":scheme": "http",
  ":path": "/infer",
  ":authority": "localhost",
  "content-type": "application/json",
};

/** One setting of a SETTINGS frame. */
export type Setting = readonly [id: number, value: number];

/** A frame as it goes out. */
export type Frame = Uint8Array<ArrayBuffer>;

function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Frame {
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length << 8 | type);
  view.setUint8(4, flags);
  view.setUint32(5, stream);
  bytes.set(payload, 9);
  return bytes;
}

/** Numbers of two or four bytes each, in network order. */
function numbers(...fields: readonly (readonly [size: 2 | 4, value: number])[]): Uint8Array {
  const bytes = fields.flatMap(([size, value]) => Array.from({ length: size }, (_, i) => value >>> 8 * (size - 1 - i)));
  return Uint8Array.from(bytes);
}

/** A header block; names and values are ASCII of at most 126 characters. */
function headerBlock(fields: Readonly<Record<string, string>>): Uint8Array {
  const bytes: number[] = [];
  for (const [name, value] of Object.entries(fields)) {
    bytes.push(0, name.length, ...utf8.encode(name), value.length, ...utf8.encode(value));
  }
  return Uint8Array.from(bytes);
}

/** The head of a POST, to `/infer` unless told otherwise; the stream stays open for its body. */
export function postHead(stream: number, path = "/infer"): Frame {
  return frame(TYPE.headers, END_HEADERS, stream, headerBlock({ ...POST, ":path": path }));
}

/** The same, with headers that do not end: `continuation` is expected to follow. */
export function openEndedHead(stream: number): Frame {
  return frame(TYPE.headers, 0, stream, headerBlock(POST));
}

/** More headers of a head that has not ended, and does not end with these either. */
export function continuation(stream: number, headers: Readonly<Record<string, string>>): Frame {
  return frame(TYPE.continuation, 0, stream, headerBlock(headers));
}

/** A piece of a body that does not end with it. */
export function data(stream: number, text: string): Frame {
  return frame(TYPE.data, 0, stream, utf8.encode(text));
}

/** A POST with its body, to `/infer` unless told otherwise. */
export function post(stream: number, json: unknown, path = "/infer"): Frame[] {
  return [postHead(stream, path), frame(TYPE.data, END_STREAM, stream, utf8.encode(JSON.stringify(json)))];
}

/** Cancels a stream. */
export function reset(stream: number): Frame {
  return frame(TYPE.reset, 0, stream, numbers([4, 8]));
}

export function settings(...values: readonly Setting[]): Frame {
  return frame(TYPE.settings, 0, 0, numbers(...values.flatMap(([id, value]) => [[2, id], [4, value]] as const)));
}

export function ping(): Frame {
  return frame(TYPE.ping, 0, 0, new Uint8Array(8));
}

/** Lets the peer send `bytes` more on a stream, or on the connection with stream 0. */
export function windowUpdate(stream: number, bytes: number): Frame {
  return frame(TYPE.windowUpdate, 0, stream, numbers([4, bytes]));
}

/** One connection. It reads until the server ends it or until it is disposed of. */
export class Http2Client implements AsyncDisposable {
  /** Bodies so far, by stream; a stream is there once its headers have come. */
  readonly #texts = new Map<number, string>();
  /** Streams that the server has ended or reset. */
  readonly #ended = new Set<number>();
  readonly #conn: Deno.TcpConn;
  readonly #reading: Promise<void>;
  /** Whether the server has said that it goes away, or ended the connection. */
  #gone = false;
  #changed = Promise.withResolvers<void>();

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.#reading = this.#read();
  }

  /** Connects and sends the preface with these settings. */
  static async connect(url: URL, ...values: readonly Setting[]): Promise<Http2Client> {
    const conn = await Deno.connect({ hostname: url.hostname, port: Number(url.port) });
    conn.setNoDelay(true);
    const client = new Http2Client(conn);
    await client.send(PREFACE, settings(...values));
    return client;
  }

  /** Sends frames in one write. To a connection that the server has ended it sends nothing. */
  async send(...frames: readonly Frame[]): Promise<void> {
    const bytes = new Uint8Array(await new Blob([...frames]).arrayBuffer());
    try {
      for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
    } catch (error) {
      if (!isEnd(error)) throw error;
    }
  }

  /** Whether the server has said that it goes away, or ended the connection. */
  get gone(): boolean {
    return this.#gone;
  }

  /** What came of a stream's body so far. */
  text(stream: number): string {
    return this.#texts.get(stream) ?? "";
  }

  /** Resolves when the headers of a stream's answer have come, or when the connection has ended. */
  async headed(stream: number): Promise<void> {
    while (!this.#gone && !this.#texts.has(stream)) await this.#changed.promise;
  }

  /**
   * Resolves when a stream's body holds this text.
   *
   * @throws Error when the stream ends first.
   */
  async until(stream: number, text: string): Promise<void> {
    while (!this.text(stream).includes(text)) {
      if (this.#gone || this.#ended.has(stream)) throw new Error(`stream ${stream} ended with: ${this.text(stream)}`);
      await this.#changed.promise;
    }
  }

  /** Resolves with a stream's body when the server has ended it, or the connection. */
  async ended(stream: number): Promise<string> {
    while (!this.#gone && !this.#ended.has(stream)) await this.#changed.promise;
    return this.text(stream);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#conn.close();
    await this.#reading;
  }

  async #read(): Promise<void> {
    let pending = new Uint8Array();
    const piece = new Uint8Array(65_536);
    try {
      for (let count: number | null; (count = await this.#conn.read(piece)) !== null;) {
        const joined = new Uint8Array(pending.length + count);
        joined.set(pending);
        joined.set(piece.subarray(0, count), pending.length);
        pending = await this.#take(joined);
        this.#change();
      }
    } catch (error) {
      if (!isEnd(error)) throw error;
    } finally {
      this.#gone = true;
      this.#change();
    }
  }

  /** Handles the whole frames at the front; gives what is left. */
  async #take(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    while (bytes.length >= 9) {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const length = view.getUint32(0) >>> 8;
      if (bytes.length < 9 + length) break;
      await this.#handle(view.getUint8(3), view.getUint8(4), view.getUint32(5), bytes.slice(9, 9 + length));
      bytes = bytes.subarray(9 + length);
    }
    return bytes;
  }

  async #handle(type: number, flags: number, stream: number, payload: Uint8Array): Promise<void> {
    if (type === TYPE.headers) {
      this.#texts.set(stream, this.text(stream));
    } else if (type === TYPE.data) {
      this.#texts.set(stream, this.text(stream) + new TextDecoder().decode(payload));
    } else if (type === TYPE.settings && (flags & ACK) === 0) {
      await this.send(frame(TYPE.settings, ACK, 0));
    } else if (type === TYPE.goAway) {
      this.#gone = true;
    }
    const ends = type === TYPE.reset || (type === TYPE.data || type === TYPE.headers) && (flags & END_STREAM) !== 0;
    if (ends) this.#ended.add(stream);
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** Whether an error of a socket says that one of the two sides has ended it. */
function isEnd(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}
