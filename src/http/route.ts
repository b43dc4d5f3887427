import type { ModeldError } from "../base/errors.ts";
import type { Client } from "../base/client.ts";
import type { TrustedProxies } from "./middleware/client_address.ts";
import type { Connection } from "./listener.ts";

/** What is known of a request beside the request itself. */
export class RequestContext {
  /** The client's `X-Request-Id`, or one that modeld made. */
  readonly requestId: string;
  /** The client's address, without port: behind a trusted proxy the one that it names. */
  readonly clientAddress: string;
  /** Whether a trusted proxy sent it. */
  readonly throughProxy: boolean;
  /** Whose request it is; set by the gate, for the routes behind it. */
  client: Client | undefined;
  /** Whether the log has a line of its own for it, as it has for an inference. */
  isLogged = false;
  /** What the reply to this request carries, whatever it is. */
  replyHeaders: Iterable<readonly [string, string]> = [];
  readonly #connection: Connection;
  readonly #onDone: (() => void)[] = [];

  constructor(request: Request, connection: Connection, proxies: TrustedProxies) {
    this.requestId = requestIdOf(request);
    this.clientAddress = proxies.clientOf(connection.remoteAddress, request.headers);
    this.throughProxy = proxies.trusts(connection.remoteAddress);
    this.#connection = connection;
  }

  /** Whether modeld has begun to close the connection: a body that is still arriving is then lost. */
  get connectionClosing(): boolean {
    return this.#connection.closing;
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
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  /** What every answer on this path carries, errors too. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Headers that carry the request's id beside `X-Request-Id`. */
  readonly idHeaders?: readonly string[];
  /** Whether it answers all paths below `path`, which then ends in `/`. */
  readonly isPrefix?: boolean;
  /** What a failure looks like in this API; missing: modeld's own JSON error. */
  readonly refuse?: (failure: ModeldError, requestId: string) => Response;
  /** @throws ModeldError that is sent as the API's error. */
  handle(request: Request, context: RequestContext): Response | Promise<Response>;
}

/** What a client may send as `X-Request-Id`: it is logged, returned and sent on, so it is short and printable. */
const ACCEPTABLE = /^[\x21-\x7e]{1,128}$/;

/** The client's `X-Request-Id` where it is acceptable, else a new one. */
function requestIdOf(request: Request): string {
  const sent = request.headers.get("x-request-id");
  return sent !== null && ACCEPTABLE.test(sent) ? sent : crypto.randomUUID();
}
