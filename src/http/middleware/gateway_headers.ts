import { priorities, type Priority } from "../../base/client.ts";
import type { RequestContext } from "../route.ts";

/** What a Kubernetes inference gateway says of a request. */
export interface GatewayHeaders {
  /** Who shares fairly: the gateway's name for a tenant or a user. */
  readonly fairnessId?: string;
  /** The class that the request's objective names; other objectives say nothing to modeld. */
  readonly objective?: Priority;
}

/** Longer ones are no ids: each that waits is kept in memory. */
const LONGEST_ID = 256;

/**
 * Reads `x-gateway-inference-fairness-id` and `x-gateway-inference-objective` (in llm-d's newer releases `x-llm-d-…`) from a
 * trusted proxy alone: a client that could name itself anew with each request would never have to wait for its turn.
 */
export function gatewayHeaders({ headers }: Request, { throughProxy }: RequestContext): GatewayHeaders {
  if (!throughProxy) return {};
  const said = (what: string) => headers.get(`x-gateway-inference-${what}`) ?? headers.get(`x-llm-d-inference-${what}`);
  const fairnessId = said("fairness-id") ?? "";
  const word = said("objective");
  const objective = priorities.find((priority) => priority === word);
  return {
    ...fairnessId !== "" && fairnessId.length <= LONGEST_ID && { fairnessId },
    ...objective !== undefined && { objective },
  };
}
