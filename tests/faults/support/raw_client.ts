const utf8 = new TextEncoder();

/** An HTTP client that is one TCP connection, so that a test decides on every byte. */
export class RawClient implements Disposable {
  /** What came so far. */
  text = "";
  readonly #conn: Deno.TcpConn;
  readonly #decoder = new TextDecoder();
  #closed = false;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async connect(url: URL): Promise<RawClient> {
    const conn = await Deno.connect({ hostname: url.hostname, port: Number(url.port) });
    conn.setNoDelay(true);
    return new RawClient(conn);
  }

  /** Sends bytes as they are. */
  async send(text: string): Promise<void> {
    const bytes = utf8.encode(text);
    for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
  }

  /** Sends a whole request; header lines end in CRLF. */
  async post(path: string, request: unknown, headers = ""): Promise<void> {
    const body = JSON.stringify(request);
    const length = `Content-Length: ${utf8.encode(body).length}\r\n`;
    const type = "Content-Type: application/json\r\n";
    await this.send(`POST ${path} HTTP/1.1\r\nHost: localhost\r\n${type}${length}${headers}\r\n${body}`);
  }

  /**
   * Reads until this text has come.
   *
   * @throws Error when the server ends the connection first.
   */
  async until(text: string): Promise<void> {
    while (!this.text.includes(text)) {
      if (!await this.#readMore()) throw new Error(`the connection ended before ${JSON.stringify(text)}: ${this.text}`);
    }
  }

  /** Reads until the server ends the connection; a reset is an end too. */
  async untilEnd(): Promise<string> {
    try {
      while (await this.#readMore());
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    }
    return this.text;
  }

  /** Says that nothing more will be sent. */
  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #readMore(): Promise<boolean> {
    const bytes = new Uint8Array(16_384);
    const count = await this.#conn.read(bytes);
    if (count === null) return false;
    this.text += this.#decoder.decode(bytes.subarray(0, count), { stream: true });
    return true;
  }
}
