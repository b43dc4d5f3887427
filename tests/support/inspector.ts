/** What V8's inspector says of a process that was started with `--inspect`. */
export class Inspector {
  readonly #socket: WebSocket;
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** @param port that `--inspect=127.0.0.1:PORT` named */
  static async connect(port: number): Promise<Inspector> {
    const [{ webSocketDebuggerUrl }] = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
    const socket = new WebSocket(webSocketDebuggerUrl);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    return new Inspector(socket);
  }

  /** Bytes of the heap that are in use once everything that nobody holds is gone. */
  async liveHeap(): Promise<number> {
    // What a finalizer or a weak reference lets go is gone only at the next collection.
    for (let i = 0; i < 3; i++) await this.#ask("HeapProfiler.collectGarbage");
    return (await this.#ask("Runtime.getHeapUsage"))["usedSize"] ?? NaN;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    this.#socket.close();
    await closed;
  }

  #ask(method: string): Promise<Record<string, number>> {
    const id = ++this.#asked;
    return new Promise((resolve) => {
      const listener = ({ data }: MessageEvent) => {
        const reply = JSON.parse(data);
        if (reply.id !== id) return;
        this.#socket.removeEventListener("message", listener);
        resolve(reply.result);
      };
      this.#socket.addEventListener("message", listener);
      this.#socket.send(JSON.stringify({ id, method }));
    });
  }
}
