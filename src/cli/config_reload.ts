import { systemClock } from "../base/clock.ts";
import type { Configuration } from "../config/load.ts";
import { contentOf, Reload } from "../config/reload.ts";
import { configureLog, getLogger } from "../telemetry/log.ts";

const log = getLogger("serve");

/** How a configuration is renewed. */
export interface Renewal {
  /** Gathers it anew. @throws ConfigurationError */
  load(): Promise<Configuration>;
  /** Calls back whenever somebody asks for it. @returns takes that back */
  onAsked(callback: () => void): () => void;
}

/** The configuration while modeld runs. */
export interface LiveConfiguration {
  readonly current: Configuration;
  /** Whether the last try to reload it failed. */
  readonly failed: boolean;
  close(): Promise<void>;
}

/**
 * Keeps the configuration up to date, by its files and when it is asked to, and says in the log what came of it.
 *
 * @param renewal missing: it stays as it is
 * @param onChange called with each new one
 */
export function keepUpToDate(
  configuration: Configuration,
  renewal: Renewal | undefined,
  onChange: (configuration: Configuration) => void,
): LiveConfiguration {
  if (renewal === undefined) return { current: configuration, failed: false, close: () => Promise.resolve() };
  let failed = false;
  const reload = new Reload({
    configuration,
    load: () => renewal.load(),
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
      const { clients, servers } = outcome.configuration;
      log.info("the configuration was reloaded", { clients: clients.length, servers: servers.length });
      onChange(outcome.configuration);
    },
  });
  const release = renewal.onAsked(() => void reload.now());
  return {
    get current() {
      return reload.current;
    },
    get failed() {
      return failed;
    },
    async close() {
      release();
      await reload.close();
    },
  };
}

/** Sends the log to stderr as the settings have it. */
export function applyLogLevel({ logLevel, logFormat }: Configuration["settings"]): void {
  configureLog({ level: logLevel, ...(logFormat === "auto" ? {} : { format: logFormat }) });
}
