import { type Client, plainClient } from "../../base/client.ts";
import type { ModeldError } from "../../base/errors.ts";
import { type LogLevel, requestedLogLevel } from "../../base/log_level.ts";
import { asModeldError } from "../error_reply.ts";
import type { ByteBudget } from "../byte_budget.ts";
import type { Inference, Inferences } from "../inference.ts";
import { queryOf } from "../request_target.ts";
import type { RequestContext } from "../route.ts";
import type { ClientLimit } from "./client_limit.ts";
import { gatewayHeaders } from "./gateway_headers.ts";
import type { Gate } from "./gate.ts";
import type { RateLimits } from "./rate_limits.ts";

/** What every request for inference passes before its body is read. */
export interface Admission {
  readonly inferences: Inferences;
  readonly gate: Gate;
  /** Inferences of one client at once. */
  readonly clients: ClientLimit;
  readonly budget: ByteBudget;
  /** Asked when the body is read, which says how many tokens the request may take. */
  readonly rateLimits: RateLimits;
}

/**
 * Lets a request for inference in, and begins it. One that is refused here is begun and ended at once, so that it counts.
 *
 * @throws ModeldError `unauthorized`, `overloaded`, `client_limit`
 */
export async function admit(
  request: Request,
  context: RequestContext,
  { inferences, gate, clients, budget }: Admission,
): Promise<Inference> {
  const address = context.clientAddress;
  let client: Client;
  try {
    client = await gate.enter(request, context);
  } catch (error) {
    const failure = asModeldError(error);
    // What a client without a key asks to be logged does not count. The handler logs it, at a bounded rate.
    const logLevel = failure.kind === "unauthorized" ? "off" : undefined;
    inferences.begin(context.requestId, request, plainClient(address, []), { logLevel, address }).fail(failure);
    throw failure;
  }
  const logLevel = askedLogLevel(request);
  context.isLogged = logLevel !== "off";
  const inference = inferences.begin(context.requestId, request, client, { logLevel, address });
  inference.applyGateway(gatewayHeaders(request, context));
  try {
    budget.check();
    inference.onEnd(clients.enter(client.name));
    return inference;
  } catch (error) {
    const failure = asModeldError(error);
    inference.fail(failure);
    throw failure;
  }
}

/** Ends an inference that failed before its reply began. @returns the failure, to be sent */
export function failed(inference: Inference, error: unknown): ModeldError {
  const failure = asModeldError(error);
  inference.abort(failure);
  inference.fail(failure);
  return failure;
}

/** Says in the reply which server it came from. */
export function withServer(reply: Response, { timeline: { server } }: Inference): Response {
  if (server !== undefined) reply.headers.set("X-Modeld-Server", server);
  return reply;
}

const NO_QUERY = new URLSearchParams();

/** The level that the client asks for. */
function askedLogLevel({ headers, url }: Request): LogLevel | undefined {
  const query = queryOf(url);
  return requestedLogLevel(query === "" ? NO_QUERY : new URLSearchParams(query), headers);
}
