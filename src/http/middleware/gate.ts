import type { Client } from "../../base/client.ts";
import { ModeldError } from "../../base/errors.ts";
import type { Clients } from "./clients.ts";
import type { RequestContext, Route } from "../route.ts";

/** Who may come in, and how many at once. */
export interface GateOptions {
  readonly clients: Clients;
  /** Requests at once in this process; 0 is no limit. */
  readonly maxConcurrentRequests: () => number;
}

/** What every request passes, those for `/healthz` and `/readyz` excepted. */
export class Gate {
  readonly #options: GateOptions;
  #inside = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Whether a key is asked for. */
  get hasKeys(): boolean {
    return this.#options.clients.hasKeys;
  }

  /**
   * Lets a request in until it is done.
   *
   * @returns whose request it is
   * @throws ModeldError `unauthorized`, `overloaded`
   */
  async enter(request: Request, context: RequestContext): Promise<Client> {
    const { clients } = this.#options;
    const most = this.#options.maxConcurrentRequests();
    if (most > 0 && this.#inside >= most) {
      const message = `${this.#inside} requests are being answered, the limit (--max-concurrent-requests)`;
      throw new ModeldError("overloaded", message, { retryAfterSeconds: 1 });
    }
    this.#inside++;
    context.onDone(() => this.#inside--);
    return context.client = await clients.identify(request, context.clientAddress);
  }
}

/** The route, behind the gate. */
export function gated(route: Route, gate: Gate): Route {
  return {
    ...route,
    async handle(request, context) {
      await gate.enter(request, context);
      return await route.handle(request, context);
    },
  };
}
