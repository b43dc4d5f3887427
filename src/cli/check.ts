import { systemClock } from "../base/clock.ts";
import type { Configuration } from "../config/load.ts";
import { describeResult, runPreflight } from "../upstream/preflight.ts";
import { connect } from "./make_fleet.ts";
import { print } from "./print.ts";
import { clearProgress, showProgress } from "./progress.ts";
import { startupWarnings } from "./startup_warnings.ts";

/** Runs the preflight and prints what it finds; the exit code is 0 if nothing is NOT OK, else 1. */
export async function check(configuration: Configuration): Promise<number> {
  const { settings } = configuration;
  const server = connect(configuration);
  for (const warning of startupWarnings(configuration)) print(`warning: ${warning}\n`);
  try {
    const results = await runPreflight({
      ...(server === undefined ? {} : { server }),
      ...(settings.defaultModel === undefined ? {} : { defaultModel: settings.defaultModel }),
      vramBudgetMb: settings.vramBudgetMb,
      wait: settings.preflightWait,
      clock: systemClock,
      onResult(result) {
        clearProgress();
        print(`${describeResult(result)}\n`);
      },
      onWaiting: showProgress,
    }, new AbortController().signal);
    return results.some(({ status }) => status === "NOT OK") ? 1 : 0;
  } finally {
    server?.close();
  }
}
