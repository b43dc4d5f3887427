import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { PeerGone, type RawRequest, RawRequestReader } from "./raw_request_reader.ts";

const utf8 = new TextEncoder();

/** A request and the raw connection to answer it on, well or badly. */
export class Exchange {
  readonly request: RawRequest;
  /** Resolves when the client has closed, half-closed or reset the connection. */
  readonly gone: Promise<void>;
  readonly #socket: Socket;

  constructor(request: RawRequest, socket: Socket, gone: Promise<void>) {
    this.request = request;
    this.#socket = socket;
    this.gone = gone;
  }

  /** Whether the connection can carry another request after this one. */
  get reusable(): boolean {
    return !this.#socket.destroyed && !this.#socket.writableEnded;
  }

  /**
   * Sends bytes as they are, in one write; resolves when the kernel has taken them, so a client that does not read holds
   * it up.
   *
   * @throws PeerGone when the client is gone.
   */
  send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? utf8.encode(data) : data;
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => error ? reject(new PeerGone()) : resolve());
    });
  }

  /** Sends bytes in pieces of `size`, a segment each; the client gets time to read each piece alone. */
  async sendSliced(data: string | Uint8Array, size = 1): Promise<void> {
    const bytes = typeof data === "string" ? utf8.encode(data) : data;
    for (let start = 0; start < bytes.length; start += size) {
      await this.send(bytes.subarray(start, start + size));
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Ends the connection in order (FIN), whatever has been sent. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(() => resolve()));
  }

  /** Resets the connection (RST). Bytes sent just before may be lost on the way: await that the client has them. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }
}

/** Answers one request. The connection stays open for the next one unless it is closed or reset. */
export type Script = (exchange: Exchange) => void | Promise<void>;

/** An HTTP/1.1 server on loopback that gives scripts the raw connection. It is node's, as Deno's own cannot reset. */
export class RawHttpServer {
  /** Every request so far, in order. */
  readonly requests: RawRequest[] = [];
  readonly #respond: Script;
  readonly #sockets = new Set<Socket>();
  readonly #stopped = Promise.withResolvers<void>();
  readonly #server: Server;
  #port = 0;
  #accepted = 0;
  #failure: unknown;

  private constructor(respond: Script) {
    this.#respond = respond;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Starts to listen; port 0 takes a free one. */
  static async start(respond: Script, port = 0): Promise<RawHttpServer> {
    const server = new RawHttpServer(respond);
    await new Promise<void>((resolve, reject) => {
      server.#server.once("error", reject);
      server.#server.listen(port, "127.0.0.1", resolve);
    });
    server.#port = (server.#server.address() as AddressInfo).port;
    return server;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections accepted so far. */
  get connectionCount(): number {
    return this.#accepted;
  }

  /** Connections that are open now. */
  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Resets every open connection and goes on listening. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /**
   * Stops listening and ends every connection; scripts that wait for something are left behind.
   *
   * @throws whatever a script threw, other than for a peer that went away.
   */
  async close(): Promise<void> {
    this.#stopped.resolve();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #accept(socket: Socket): Promise<void> {
    this.#accepted++;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    try {
      await this.#serve(socket);
    } catch (error) {
      if (!(error instanceof PeerGone)) this.#failure ??= error;
    } finally {
      if (!socket.writableEnded) socket.destroy();
    }
  }

  async #serve(socket: Socket): Promise<void> {
    const reader = new RawRequestReader(socket);
    for (;;) {
      const request = await reader.next();
      this.requests.push(request);
      const exchange = new Exchange(request, socket, reader.gone);
      await Promise.race([this.#respond(exchange), this.#stopped.promise]);
      if (!exchange.reusable) return;
    }
  }
}
