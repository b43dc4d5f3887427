const utf8 = new TextEncoder();

/** The frames and flags of RFC 9113 that are needed. */
const [DATA, HEADERS, SETTINGS] = [0, 1, 4];
const [END_STREAM, END_HEADERS] = [1, 4];
const INITIAL_WINDOW_SIZE = 4;

/**
 * A client of cleartext HTTP/2 that asks and never reads. It lets the server send no byte of an answer, so unlike one of
 * HTTP/1.1, whose answers the kernel takes by the megabyte, it leaves all of them with the server.
 */
export class SilentHttp2Client implements Disposable {
  readonly #conn: Deno.TcpConn;
  readonly #authority: string;
  #lastStream = -1;

  private constructor(conn: Deno.TcpConn, authority: string) {
    this.#conn = conn;
    this.#authority = authority;
  }

  static async connect(url: URL): Promise<SilentHttp2Client> {
    const client = new SilentHttp2Client(
      await Deno.connect({ hostname: url.hostname, port: Number(url.port) }),
      url.host,
    );
    const noWindow = [0, INITIAL_WINDOW_SIZE, 0, 0, 0, 0];
    await client.#send([...utf8.encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ...frame(SETTINGS, 0, 0, noWindow)]);
    return client;
  }

  /** Sends one more request. */
  async post(path: string, request: unknown): Promise<void> {
    this.#lastStream += 2;
    const body = utf8.encode(JSON.stringify(request));
    const fields = [
      0x83, // :method POST
      0x86, // :scheme http
      ...[0x01, ...text(this.#authority)], // :authority
      ...[0x04, ...text(path)], // :path
      ...[0x0f, 0x10, ...text("application/json")], // content-type
      ...[0x0f, 0x0d, ...text(String(body.length))], // content-length
    ];
    await this.#send([
      ...frame(HEADERS, END_HEADERS, this.#lastStream, fields),
      ...frame(DATA, END_STREAM, this.#lastStream, body),
    ]);
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }

  async #send(bytes: readonly number[]): Promise<void> {
    const all = new Uint8Array(bytes);
    for (let sent = 0; sent < all.length;) sent += await this.#conn.write(all.subarray(sent));
  }
}

/** A string of fewer than 127 bytes in HPACK, not compressed. */
function text(value: string): number[] {
  const bytes = utf8.encode(value);
  return [bytes.length, ...bytes];
}

function frame(type: number, flags: number, stream: number, payload: Iterable<number>): number[] {
  const bytes = [...payload];
  const big = (value: number, size: number) =>
    Array.from({ length: size }, (_, at) => value >> 8 * (size - 1 - at) & 255);
  return [...big(bytes.length, 3), type, flags, ...big(stream, 4), ...bytes];
}
