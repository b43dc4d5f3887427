import { ModeldError } from "../base/errors.ts";
import type { LlamaServer } from "../llama/llama_server.ts";
import { type CheckResult, describeResult, type PreflightOptions, runPreflight, type Waiting } from "./preflight.ts";

/** One server that is to be checked, or why it cannot be reached at all. */
export interface PreflightServer {
  readonly name: string;
  readonly server: LlamaServer | ModeldError;
  /** What its loaded models may take together, in MB; 0: no limit. */
  readonly vramBudgetMb: number;
}

/** How one check came out. */
export interface FleetCheckResult extends CheckResult {
  /** The server's name, where there are several; a check of all of them together has none. */
  readonly server?: string;
}

/** What the preflight of a fleet needs; the rest is as for one server. */
export interface FleetPreflightOptions extends Pick<PreflightOptions, "defaultModel" | "wait" | "clock"> {
  /** None: no llama-server is configured. */
  readonly servers: readonly PreflightServer[];
  readonly onResult: (result: FleetCheckResult) => void;
  readonly onWaiting?: (waiting: Waiting) => void;
}

/** What came of it. */
export interface FleetPreflight {
  /** Whether there is a server on which every check passed, and the default model is somewhere. */
  readonly canServe: boolean;
  /** Whether no check failed. */
  readonly isWell: boolean;
  /** Names of the servers on which a check failed. */
  readonly failed: readonly string[];
}

/**
 * Checks all servers side by side. One is enough to serve; the default model may be on any of them.
 *
 * @throws the signal's reason
 */
export async function runFleetPreflight(options: FleetPreflightOptions, signal: AbortSignal): Promise<FleetPreflight> {
  const { servers, onResult, onWaiting, ...rest } = options;
  const only = servers.length === 1 ? servers[0] : undefined;
  if (servers.length === 0 || only !== undefined) {
    const waiting = onWaiting === undefined ? {} : { onWaiting };
    const results = await runPreflight({ ...rest, ...waiting, ...targetOf(only), onResult }, signal);
    const isWell = results.every(passed);
    return { canServe: isWell, isWell, failed: isWell || only === undefined ? [] : [only.name] };
  }
  const checked = await Promise.all(servers.map(async (server) => {
    const { name } = server;
    const results = await runPreflight({
      ...rest,
      ...targetOf(server),
      isOneOfSeveral: true,
      onResult: (result) => onResult({ server: name, ...result }),
      ...(onWaiting !== undefined && {
        onWaiting: (waiting) => onWaiting({ ...waiting, detail: `${name}: ${waiting.detail}` }),
      }),
    }, signal);
    return { name, results };
  }));
  const failed = checked.filter(({ results }) => !results.every(passed)).map(({ name }) => name);
  const misplaced = whereDefaultModelIs(options.defaultModel, checked.flatMap(({ results }) => results));
  if (misplaced !== undefined) onResult(misplaced);
  return {
    canServe: failed.length < servers.length && misplaced === undefined,
    isWell: failed.length === 0 && misplaced === undefined,
    failed,
  };
}

function targetOf(server: PreflightServer | undefined): Pick<PreflightOptions, "server" | "absence" | "vramBudgetMb"> {
  if (server === undefined) return { vramBudgetMb: 0 };
  const { server: target, vramBudgetMb } = server;
  return target instanceof ModeldError ? { absence: target, vramBudgetMb } : { server: target, vramBudgetMb };
}

/** Fails where servers have said what models they have and none has the default one. */
function whereDefaultModelIs(
  defaultModel: string | undefined,
  results: readonly CheckResult[],
): FleetCheckResult | undefined {
  const lists = results.filter(({ name, status }) => name === "model list" && status === "OK");
  const isSomewhere = results.some(({ name, status, isElsewhere }) =>
    name === "default model" && status !== "NOT OK" && isElsewhere !== true
  );
  if (defaultModel === undefined || lists.length === 0 || isSomewhere) return undefined;
  return {
    name: "default model of the fleet",
    status: "NOT OK",
    ms: 0,
    detail: `no server has ${JSON.stringify(defaultModel)}`,
    remedy: "Set --default-model to a model that one of them has",
  };
}

function passed({ status }: CheckResult): boolean {
  return status !== "NOT OK";
}

/** One line, as for a single server, with the server's name in front. */
export function describeFleetResult({ server, ...result }: FleetCheckResult): string {
  return server === undefined ? describeResult(result) : `${server}: ${describeResult(result)}`;
}
