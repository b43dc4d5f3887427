import { systemClock } from "../base/clock.ts";
import type { Settings } from "../config/settings_table.ts";
import { getLogger } from "../telemetry/log.ts";
import {
  describeFleetResult,
  type FleetCheckResult,
  type FleetPreflight,
  type PreflightServer,
  runFleetPreflight,
} from "../upstream/fleet_preflight.ts";
import type { Waiting } from "../upstream/preflight.ts";
import { clearProgress, showWaiting } from "./print.ts";

const log = getLogger("preflight");

/**
 * Runs the preflight as `--preflight` says and logs what it finds; false: modeld must not serve. Of several servers one that
 * passes is enough.
 */
export async function passPreflight(
  servers: readonly PreflightServer[],
  settings: Settings,
  signal: AbortSignal,
): Promise<boolean> {
  if (settings.preflight === "off") return true;
  let found: FleetPreflight;
  try {
    found = await runFleetPreflight({
      servers,
      ...(settings.defaultModel === undefined ? {} : { defaultModel: settings.defaultModel }),
      wait: settings.preflightWait,
      clock: systemClock,
      onResult: logResult,
      onWaiting: waitingReporter(),
    }, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    return true;
  } finally {
    clearProgress();
  }
  if (found.isWell) return true;
  if (found.canServe) {
    log.warn("the preflight failed on some servers; modeld serves with the others", {
      failed: found.failed.join(", "),
    });
    return true;
  }
  if (settings.preflight === "warn") {
    log.warn("the preflight failed; modeld serves all the same (--preflight=warn)");
    return true;
  }
  log.error("the preflight failed, so modeld exits; --preflight=warn serves all the same, --preflight-wait=5m waits");
  return false;
}

function logResult(result: FleetCheckResult): void {
  const { name, status, isElsewhere: _, needs: __, ...facts } = result;
  clearProgress();
  const text = () => describeFleetResult(result);
  log.log(status === "NOT OK" ? "error" : "debug", `check ${status}`, { check: name, ...facts }, text);
}

/** Shows progress on a terminal; the log hears only of what is new. */
function waitingReporter(): (waiting: Waiting) => void {
  let lastDetail: string | undefined;
  return (waiting) => {
    if (waiting.detail !== lastDetail) {
      clearProgress();
      log.info("waiting for llama-server", { detail: waiting.detail, wait_ms: waiting.wait });
      lastDetail = waiting.detail;
    }
    showWaiting(waiting);
  };
}
