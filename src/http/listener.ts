import type { Clock, Timer } from "../base/clock.ts";
import { getLogger } from "../telemetry/log.ts";
import type { TlsIdentity } from "../config/tls_identity.ts";
import { LimitedLog } from "../telemetry/limited_log.ts";

const log = getLogger("http");

/** What a handler is told of the connection that its request came on. */
export interface Connection {
  /** Address of its other end, without port. */
  readonly remoteAddress: string;
  /** Settles when the reply is out, or cannot be. */
  readonly completed: Promise<void>;
  /** Whether modeld has begun to close it: replies still go out, but a body that is still arriving is lost. */
  readonly closing: boolean;
}

/** Answers one request; never rejects. */
export type Handler = (request: Request, connection: Connection) => Promise<Response>;

/** Where and how to listen. */
export interface ListenerOptions {
  readonly addr: { readonly hostname: string; readonly port: number };
  /** Missing: plain HTTP. */
  readonly tls?: TlsIdentity | undefined;
  readonly handler: Handler;
  readonly onError: (error: unknown) => Response;
  /** Called once, when it could not listen again: the process serves nobody any more. */
  readonly onLost: () => void;
  readonly clock: Clock;
}

/** Between attempts to listen again, in ms. */
const RETRY_MS = { first: 1, longest: 100 } as const;
/** How long it is tried to listen again, in ms. */
const GIVE_UP_MS = 1_000;
/** What is said at most once in this time, in ms. */
const WARNING_MS = 60_000;

/** One Deno.serve and its connections. */
interface Server {
  readonly http: Deno.HttpServer<Deno.NetAddr>;
  closing: boolean;
}

class ServedConnection implements Connection {
  readonly #server: Server;
  readonly remoteAddress: string;
  readonly completed: Promise<void>;

  constructor(server: Server, { remoteAddr, completed }: Deno.ServeHandlerInfo<Deno.NetAddr>) {
    this.#server = server;
    this.remoteAddress = remoteAddr.hostname;
    this.completed = completed;
  }

  get closing(): boolean {
    return this.#server.closing;
  }
}

/**
 * Listens on one address for as long as the process lives. Deno.serve closes its listener for good when it cannot accept a
 * connection, as where no file descriptor is left; its open connections go on. Then this listens again, with a new server.
 * Should that one fail too, the first is closed but for its running requests, so that idle connections free what is short.
 */
export class Listener {
  /** Where it listens: the port is settled with the first server. */
  readonly addr: Deno.NetAddr;
  readonly #options: ListenerOptions;
  readonly #warnings: LimitedLog;
  #tls: TlsIdentity | undefined;
  /** The one that listens; none while it is tried to listen again. */
  #current: Server | undefined;
  /** The last one that failed. */
  #failed: Server | undefined;
  /** Those that are closing. */
  readonly #closing = new Set<Promise<void>>();
  #retry: Timer | undefined;

  /** @throws Deno.errors.AddrInUse and the like, where the address cannot be listened on */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#tls = options.tls;
    this.#warnings = new LimitedLog(log, { lines: 1, windowMs: WARNING_MS }, options.clock);
    this.#current = this.#serve(options.addr);
    this.addr = this.#current.http.addr;
  }

  /**
   * Uses another certificate from now on. Deno.serve cannot exchange it, so the listener is closed and opened again: for
   * a few milliseconds connections are refused, and bodies that are still arriving are lost; running replies go on.
   */
  renew(tls: TlsIdentity): void {
    this.#tls = tls;
    if (this.#current === undefined) return; // it is being tried to listen again, or it was shut down
    this.#close(this.#current);
    this.#listenAgain();
  }

  /** Stops listening at once; resolves when the last connection of every server has ended, also of those that failed. */
  async shutdown(): Promise<void> {
    this.#retry?.clear();
    this.#warnings.close();
    for (const server of [this.#current, this.#failed]) if (server !== undefined) this.#close(server);
    this.#current = undefined;
    this.#failed = undefined;
    await Promise.all(this.#closing);
  }

  #serve({ hostname, port }: ListenerOptions["addr"]): Server {
    const { handler, onError } = this.#options;
    const answer: Deno.ServeHandler<Deno.NetAddr> = (request, info) =>
      handler(request, new ServedConnection(server, info));
    const http = Deno.serve({ hostname, port, onListen() {}, onError, ...this.#tls }, answer);
    const server: Server = { http, closing: false };
    http.finished.catch((error) => this.#acceptFailed(server, error));
    return server;
  }

  #acceptFailed(server: Server, error: unknown): void {
    if (this.#current !== server) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#warnings.warn("cannot accept connections, listening again; too few open files allowed (LimitNOFILE)?", {
      reason,
    });
    if (this.#failed !== undefined) this.#close(this.#failed);
    this.#failed = server;
    this.#listenAgain();
  }

  #listenAgain(since = this.#options.clock.now(), pause: number = RETRY_MS.first): void {
    const { clock, onLost } = this.#options;
    this.#retry = undefined;
    this.#current = undefined;
    try {
      this.#current = this.#serve(this.addr);
    } catch (error) {
      if (clock.now() - since >= GIVE_UP_MS) {
        log.error("cannot listen any more, so modeld stops", { port: this.addr.port, error });
        onLost();
        return;
      }
      const next = Math.min(pause * 2, RETRY_MS.longest);
      this.#retry = clock.after(pause, () => this.#listenAgain(since, next));
    }
  }

  #close(server: Server): void {
    server.closing = true;
    const closed = server.http.shutdown().catch(() => {
      // That it could not accept a connection was reported when it happened.
    }).finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}
