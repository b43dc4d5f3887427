/** What is known of a request beside the request itself. */
export class RequestContext {
  /** The client's `X-Request-Id`, or one that modeld made. */
  readonly requestId: string;
  readonly #info: Deno.ServeHandlerInfo<Deno.NetAddr>;
  readonly #onDone: (() => void)[] = [];

  constructor(requestId: string, info: Deno.ServeHandlerInfo<Deno.NetAddr>) {
    this.requestId = requestId;
    this.#info = info;
  }

  /** The client's address, without port. */
  get remoteAddress(): string {
    return this.#info.remoteAddr.hostname;
  }

  /** Calls back when the reply has been sent to its last byte, or its client is gone. */
  onDone(callback: () => void): void {
    this.#onDone.push(callback);
  }

  /** The reply has been sent, or cannot be. Called once, by the handler. */
  done(): void {
    for (const callback of this.#onDone) callback();
  }
}

/** One path of the public API. A GET route answers HEAD too. */
export interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** What every answer on this path carries, errors too. */
  readonly headers?: Readonly<Record<string, string>>;
  /** @throws ModeldError that is sent as the JSON error. */
  handle(request: Request, context: RequestContext): Response | Promise<Response>;
}
