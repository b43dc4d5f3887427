import { systemClock } from "../base/clock.ts";
import type { Configuration } from "../config/load.ts";
import { contentOf, Reload } from "../config/reload.ts";
import { configureLog, getLogger } from "../telemetry/log.ts";

const log = getLogger("serve");

/** The configuration while modeld runs. */
export interface LiveConfiguration {
  readonly current: Configuration;
  /** Whether the last try to reload it failed. */
  readonly failed: boolean;
  close(): Promise<void>;
}

/**
 * Keeps the configuration up to date, by its files and by SIGHUP, and says in the log what came of it.
 *
 * @param load gathers it anew; missing: it stays as it is
 * @param onChange called with each new one
 */
export function keepUpToDate(
  configuration: Configuration,
  load: (() => Promise<Configuration>) | undefined,
  onChange: (configuration: Configuration) => void,
): LiveConfiguration {
  if (load === undefined) return { current: configuration, failed: false, close: () => Promise.resolve() };
  let failed = false;
  const reload = new Reload({
    configuration,
    load,
    content: contentOf,
    clock: systemClock,
    report(outcome) {
      failed = outcome.is === "failed";
      if (outcome.is === "failed") {
        for (const problem of outcome.problems) log.error(`the configuration was not reloaded: ${problem}`);
        return;
      }
      const { settings, warnings } = outcome.configuration;
      applyLogLevel(settings);
      for (const warning of warnings) log.warn(warning);
      if (outcome.restart.length > 0) {
        log.warn("some settings have changed that need a restart", { settings: outcome.restart.join(", ") });
      }
      log.info("the configuration was reloaded", { clients: outcome.configuration.clients.length });
      onChange(outcome.configuration);
    },
  });
  const onHangUp = () => void reload.now();
  // Windows knows no SIGHUP that could be sent.
  const listens = Deno.build.os !== "windows";
  if (listens) Deno.addSignalListener("SIGHUP", onHangUp);
  return {
    get current() {
      return reload.current;
    },
    get failed() {
      return failed;
    },
    async close() {
      if (listens) Deno.removeSignalListener("SIGHUP", onHangUp);
      await reload.close();
    },
  };
}

/** Sends the log to stderr as the settings have it. */
export function applyLogLevel({ logLevel, logFormat }: Configuration["settings"]): void {
  configureLog({ level: logLevel, ...(logFormat === "auto" ? {} : { format: logFormat }) });
}
