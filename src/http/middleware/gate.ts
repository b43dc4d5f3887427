import { ModeldError } from "../../base/errors.ts";
import type { ApiKeys } from "./api_keys.ts";
import type { RequestContext, Route } from "../route.ts";

/** Who may come in, and how many at once. */
export interface GateOptions {
  /** Missing: no key is asked for. */
  readonly apiKeys?: ApiKeys | undefined;
  /** Requests at once in this process; 0 is no limit. */
  readonly maxConcurrentRequests: number;
}

/** What every request passes, those for `/healthz` and `/readyz` excepted. */
export class Gate {
  readonly #options: GateOptions;
  #inside = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /**
   * Lets a request in until it is done.
   *
   * @returns who the client is, for limits: its key where keys are set, else its address
   * @throws ModeldError `unauthorized`, `overloaded`
   */
  async enter(request: Request, context: RequestContext): Promise<string> {
    const { apiKeys, maxConcurrentRequests } = this.#options;
    if (maxConcurrentRequests > 0 && this.#inside >= maxConcurrentRequests) {
      const message = `${this.#inside} requests are being answered, the limit (--max-concurrent-requests)`;
      throw new ModeldError("overloaded", message, { retryAfterSeconds: 1 });
    }
    this.#inside++;
    context.onDone(() => this.#inside--);
    return apiKeys === undefined ? `address ${context.clientAddress}` : `key ${await apiKeys.check(request)}`;
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
