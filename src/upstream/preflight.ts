import { AbortScope } from "../base/abort.ts";
import { type Clock, sleep } from "../base/clock.ts";
import { ModeldError } from "../base/errors.ts";
import type { LlamaServer } from "../llama/llama_server.ts";
import { type Check, type Finding, type Findings, preflightChecks, remedyFor } from "./preflight_checks.ts";

/** How one check of the preflight came out. */
export interface CheckResult {
  readonly name: string;
  readonly status: "OK" | "NOT OK" | "SKIPPED";
  /** How long it took in milliseconds, waiting for llama-server included. */
  readonly ms: number;
  /** What was found. */
  readonly detail: string;
  /** What to do about it; set when it is NOT OK. */
  readonly remedy?: string;
  /** The check that failed before and that this one needs; set where it is skipped for that. */
  readonly needs?: string;
  /** Set where the default model is not on this server and may be on another. */
  readonly isElsewhere?: true;
}

/** Why the preflight is waiting, and for how long it has been and may be. Times are milliseconds. */
export interface Waiting {
  readonly detail: string;
  readonly elapsed: number;
  readonly wait: number;
}

/** What the preflight needs. */
export interface PreflightOptions {
  /** Absent where no llama-server is configured, or where it cannot be reached at all. */
  readonly server?: LlamaServer;
  /** Why it cannot be reached at all. */
  readonly absence?: ModeldError;
  /** Whether others may have what this server has not. */
  readonly isOneOfSeveral?: boolean;
  readonly defaultModel?: string;
  /** What loaded models may take together, in MB; 0: no limit. */
  readonly vramBudgetMb: number;
  /** How long to keep trying while llama-server is starting or loading, in ms; 0: one try. */
  readonly wait: number;
  readonly clock: Clock;
  /** Told of each check as soon as it is done. */
  readonly onResult: (result: CheckResult) => void;
  /** Told before each new try. */
  readonly onWaiting?: (waiting: Waiting) => void;
}

/** How long llama-server has to answer a question about itself, and to generate one token, in ms. */
const QUESTION_TIMEOUT = 10_000;
const DRY_RUN_TIMEOUT = 60_000;
const firstPause = 250;
const longestPause = 2_000;

/**
 * Checks, in order, whether requests can be served; what depends on a check that failed is skipped.
 *
 * @returns one result for each check; it passed when none is NOT OK
 * @throws the signal's reason
 */
export async function runPreflight(options: PreflightOptions, signal: AbortSignal): Promise<readonly CheckResult[]> {
  const startedAt = options.clock.now();
  const { server, absence, defaultModel, vramBudgetMb, isOneOfSeveral = false } = options;
  const findings: Findings = { server, absence, defaultModel, hasBudget: vramBudgetMb > 0, isOneOfSeveral };
  const results: CheckResult[] = [];
  let failed: string | undefined;
  for (const check of preflightChecks) {
    const checkStartedAt = options.clock.now();
    const finding: Finding = failed === undefined
      ? await untilSettled(check, findings, startedAt, options, signal)
      : { status: "SKIPPED", detail: `it needs "${failed}"`, needs: failed };
    if (finding.status === "NOT OK") failed = check.name;
    const { maySettle: _, ...told } = finding;
    const result = { name: check.name, ms: Math.round(options.clock.now() - checkStartedAt), ...told };
    results.push(result);
    options.onResult(result);
  }
  return results;
}

/** One line: `default model: NOT OK, 3 ms: no model "x", only a, b. Set --default-model to one of them.` */
export function describeResult({ name, status, ms, detail, remedy }: CheckResult): string {
  const advice = remedy === undefined ? "" : `${/[.?!]$/.test(detail) ? "" : "."} ${remedy}`;
  return `${name}: ${status}, ${ms} ms: ${detail}${advice}`;
}

/** Tries until it is settled, or the time to wait has passed. */
async function untilSettled(
  check: Check,
  findings: Findings,
  startedAt: number,
  options: PreflightOptions,
  signal: AbortSignal,
): Promise<Finding> {
  const { clock, wait, onWaiting } = options;
  for (let pause = firstPause;; pause = Math.min(2 * pause, longestPause)) {
    const finding = await tryOnce(check, findings, clock, signal);
    const elapsed = clock.now() - startedAt;
    if (!finding.maySettle || elapsed >= wait) return finding;
    onWaiting?.({ detail: finding.detail, elapsed, wait });
    await sleep(Math.min(pause, wait - elapsed), clock, signal);
  }
}

async function tryOnce(check: Check, findings: Findings, clock: Clock, signal: AbortSignal): Promise<Finding> {
  const timeout = check.generates ? DRY_RUN_TIMEOUT : QUESTION_TIMEOUT;
  const scope = new AbortScope();
  const deadline = clock.after(timeout, () => {
    scope.abort(new ModeldError("unreachable", `llama-server did not answer within ${timeout / 1000} s`));
  });
  try {
    scope.follow(signal);
    return await check.run(findings, scope.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ModeldError)) throw error;
    return {
      status: "NOT OK",
      detail: error.message,
      remedy: remedyFor(error),
      maySettle: error.kind === "unreachable" || error.kind === "loading",
    };
  } finally {
    deadline.clear();
    scope.release();
  }
}
