import type { Socket } from "node:net";

/** One request as it came over the wire. */
export interface RawRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  /** Path without the query. */
  readonly path: string;
  /** Request line and headers, as sent. */
  readonly head: string;
  readonly headers: Headers;
  /** The body with any chunked framing removed. */
  readonly body: string;
}

/** The peer closed or reset the connection before a whole request had come. */
export class PeerGone extends Error {}

const latin1 = new TextDecoder("latin1");

/** Reads the requests of one connection. */
export class RawRequestReader {
  readonly #gone = Promise.withResolvers<void>();
  #bytes = new Uint8Array();
  #ended = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    socket.on("data", (data: Uint8Array) => {
      const longer = new Uint8Array(this.#bytes.length + data.length);
      longer.set(this.#bytes);
      longer.set(data, this.#bytes.length);
      this.#bytes = longer;
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
      this.#gone.resolve();
    };
    socket.on("end", end);
    socket.on("close", end);
    socket.on("error", end);
  }

  /** Resolves when the peer has closed, half-closed or reset the connection. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /**
   * Reads the next request.
   *
   * @throws PeerGone when there is none.
   */
  async next(): Promise<RawRequest> {
    const head = await this.#until("\r\n\r\n");
    const [requestLine = "", ...headerLines] = head.slice(0, -4).split("\r\n");
    const headers = new Headers();
    for (const line of headerLines) {
      const colon = line.indexOf(":");
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    const [method = "", target = ""] = requestLine.split(" ");
    const chunked = headers.get("transfer-encoding")?.toLowerCase() === "chunked";
    const length = Number(headers.get("content-length") ?? 0);
    const body = chunked ? await this.#chunkedBody() : new TextDecoder().decode(await this.#exactly(length));
    return { method, target, path: target.split("?")[0] ?? "", head, headers, body };
  }

  async #chunkedBody(): Promise<string> {
    const decoder = new TextDecoder();
    let body = "";
    for (;;) {
      const size = parseInt(await this.#until("\r\n"), 16);
      body += decoder.decode(await this.#exactly(size), { stream: true });
      await this.#exactly(2);
      if (size === 0) return body + decoder.decode();
    }
  }

  async #until(end: string): Promise<string> {
    for (;;) {
      const found = latin1.decode(this.#bytes).indexOf(end);
      if (found !== -1) return latin1.decode(this.#take(found + end.length));
      await this.#more();
    }
  }

  async #exactly(length: number): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#bytes.length < length) await this.#more();
    return this.#take(length);
  }

  #take(length: number): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, length);
    this.#bytes = this.#bytes.slice(length);
    return taken;
  }

  async #more(): Promise<void> {
    if (this.#ended) throw new PeerGone();
    await new Promise<void>((resolve) => this.#wake = resolve);
  }
}
