import type { Client } from "../../base/client.ts";
import type { Clock } from "../../base/clock.ts";
import { ModeldError } from "../../base/errors.ts";
import { RateLimit } from "../../dispatch/rate_limit.ts";
import type { Inference } from "../inference.ts";
import type { RequestContext } from "../route.ts";

/** What a client has left of its limits, and the client as it was in the configuration at its last request. */
interface Account {
  readonly latest: { client: Client };
  readonly limit: RateLimit;
}

/** Holds clients to the requests and tokens a minute that the configuration allows them. */
export class RateLimits {
  readonly #clock: Clock;
  /** By name; only clients that have limits, so only names from the configuration. */
  readonly #accounts = new Map<string, Account>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Counts a request with the tokens that it may take, which are replaced by those it took when it ends. The reply says
   * what is left, whatever becomes of the request.
   *
   * @param estimateOf asked only where the client has limits
   * @throws ModeldError `rate_limited`
   */
  charge(inference: Inference, context: RequestContext, estimateOf: () => number): void {
    const { client } = inference;
    const limit = this.#limitOf(client);
    if (limit === undefined) return;
    const estimate = estimateOf();
    const now = this.#clock.now();
    const admission = limit.admit(estimate, now);
    context.replyHeaders = limit.headers(now);
    if (!admission.admitted) {
      const { exceeded, limit: most, retryAfterSeconds } = admission;
      const message = `client ${client.name} may use ${most} ${exceeded} a minute; try again in ${retryAfterSeconds} s`;
      throw new ModeldError("rate_limited", message, { retryAfterSeconds });
    }
    inference.onEnd((tokens) => {
      if (tokens !== undefined) limit.correct(estimate, tokens, this.#clock.now());
    });
  }

  #limitOf(client: Client): RateLimit | undefined {
    const { name } = client;
    if (client.requestsPerMinute === 0 && client.tokensPerMinute === 0) {
      this.#accounts.delete(name);
      return undefined;
    }
    const known = this.#accounts.get(name);
    if (known !== undefined) {
      known.latest.client = client;
      return known.limit;
    }
    const latest = { client };
    const limit = new RateLimit(() => latest.client, this.#clock.now());
    this.#accounts.set(name, { latest, limit });
    return limit;
  }
}
