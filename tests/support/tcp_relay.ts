import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** What a relay does to the bytes that flow from the server to the client. Changes hold for connections that are open. */
export interface Weather {
  /** Milliseconds that each piece is held back. */
  latency: number;
  /** Bytes a write at most; 0 is no limit. */
  sliceBytes: number;
  /** Bytes a second at most; 0 is no limit. */
  bytesPerSecond: number;
  /** Nothing is passed on while true; the server feels it as a client that does not read. */
  stalled: boolean;
}

/** A TCP relay in front of a real llama-server, for faults that a real server does not have by itself. */
export class TcpRelay {
  readonly weather: Weather = { latency: 0, sliceBytes: 0, bytesPerSecond: 0, stalled: false };
  readonly #target: URL;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer({ noDelay: true }, (client) => this.#join(client));
  }

  /** Starts to listen in front of `target`. */
  static async start(target: URL): Promise<TcpRelay> {
    const relay = new TcpRelay(target);
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  /** Where it listens. */
  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  /** Connections open now. */
  get openConnections(): number {
    return this.#pairs.size;
  }

  /** Resets every open connection towards the client. */
  reset(): void {
    for (const [client, upstream] of this.#pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  }

  /** Ends every open connection in order towards the client, wherever its bytes are. */
  cut(): void {
    for (const [client, upstream] of this.#pairs) {
      client.end();
      upstream.destroy();
    }
  }

  /** Ends everything. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.reset();
    await closed;
  }

  #join(client: Socket): void {
    const upstream = connect({ host: this.#target.hostname, port: Number(this.#target.port), noDelay: true });
    const pair = [client, upstream] as const;
    this.#pairs.add(pair);
    client.on("error", () => {}); // a close follows
    client.on("close", () => {
      this.#pairs.delete(pair);
      upstream.destroy();
    });
    client.pipe(upstream);
    // Once the upstream has ended, the client still gets what is held back.
    this.#weather(upstream, client).catch(() => client.resetAndDestroy());
  }

  async #weather(upstream: Socket, client: Socket): Promise<void> {
    for await (const piece of upstream as AsyncIterable<Uint8Array>) {
      const { latency, sliceBytes, bytesPerSecond } = this.weather;
      if (latency > 0) await pause(latency);
      if (bytesPerSecond > 0) await pause(piece.length * 1000 / bytesPerSecond);
      while (this.weather.stalled && !client.destroyed) await pause(5);
      const size = sliceBytes > 0 ? sliceBytes : piece.length;
      for (let start = 0; start < piece.length; start += size) {
        await new Promise<void>((resolve, reject) =>
          client.write(piece.subarray(start, start + size), (error) => error ? reject(error) : resolve())
        );
      }
    }
    client.end();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
