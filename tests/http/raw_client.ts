const utf8 = new TextEncoder();

/** A client that says exactly the bytes it is told to, over TCP. */
export class RawClient implements Disposable {
  /** Everything received so far. */
  received = "";
  readonly #conn: Deno.TcpConn;
  readonly #decoder = new TextDecoder();
  readonly #buffer = new Uint8Array(65536);
  #closed = false;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(text: string): Promise<void> {
    const bytes = utf8.encode(text);
    for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
  }

  /** Reads once more; false where the connection has ended. */
  async read(): Promise<boolean> {
    const count = await this.#conn.read(this.#buffer);
    if (count === null) return false;
    this.received += this.#decoder.decode(this.#buffer.subarray(0, count), { stream: true });
    return true;
  }

  /** Reads until `text` has been received; false where the connection ended before. */
  async readUntil(text: string): Promise<boolean> {
    while (!this.received.includes(text)) if (!await this.read()) return false;
    return true;
  }

  /** Reads until the server closes; everything received. */
  async readToEnd(): Promise<string> {
    while (await this.read());
    return this.received;
  }

  /** Says that nothing more will be sent, and can still receive. */
  halfClose(): Promise<void> {
    return this.#conn.closeWrite();
  }

  close(): void {
    if (!this.#closed) this.#conn.close();
    this.#closed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The head of a `POST /infer`, with these header lines beside the usual ones. */
export function inferHead(...headers: string[]): string {
  return ["POST /infer HTTP/1.1", "Host: localhost", "Content-Type: application/json", ...headers, "", ""].join("\r\n");
}

/** A whole `POST /infer` of this body. */
export function inferRequest(body: unknown, ...headers: string[]): string {
  const json = JSON.stringify(body);
  return inferHead(`Content-Length: ${utf8.encode(json).length}`, ...headers) + json;
}
