/** A port of this machine that answers no connection: its queue of connections that nobody accepts is full. */
export class BlackHole {
  readonly url: URL;
  readonly #listener: Deno.TcpListener;
  readonly #waiting: Deno.TcpConn[];

  private constructor(listener: Deno.TcpListener, waiting: Deno.TcpConn[]) {
    this.url = new URL(`http://127.0.0.1:${listener.addr.port}`);
    this.#listener = listener;
    this.#waiting = waiting;
  }

  static async open(): Promise<BlackHole> {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 0 });
    const waiting: Deno.TcpConn[] = [];
    for (;;) {
      try {
        const signal = AbortSignal.timeout(100);
        waiting.push(await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port, signal }));
      } catch {
        return new BlackHole(listener, waiting); // not answered in time: full
      }
    }
  }

  close(): void {
    for (const connection of this.#waiting) connection.close();
    this.#listener.close();
  }
}
