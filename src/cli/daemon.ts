import { AbortScope } from "../base/abort.ts";
import { systemClock } from "../base/clock.ts";
import { version } from "../base/version.ts";
import { type Address, formatAddress } from "../config/address.ts";
import type { Configuration } from "../config/load.ts";
import type { ServerConfig } from "../config/servers.ts";
import type { Settings } from "../config/settings_table.ts";
import { Dispatcher } from "../dispatch/dispatcher.ts";
import type { Fleet } from "../dispatch/fleet.ts";
import type { Terms } from "../dispatch/state.ts";
import type { HttpServer } from "../http/server.ts";
import { getLogger } from "../telemetry/log.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { resolveBySystem } from "../upstream/discovery.ts";
import type { LifecycleEvent } from "../upstream/lifecycle.ts";
import { keepUpToDate, type Renewal } from "./config_reload.ts";
import { ConfiguredServers } from "./configured_servers.ts";
import { EventLines } from "./event_lines.ts";
import { listen, type Listening, liveHttpOptions } from "./listen.ts";
import { passPreflight } from "./pass_preflight.ts";
import { StartReport } from "./start_report.ts";
import { watchTlsFiles } from "./tls_renewal.ts";

const log = getLogger("serve");

/** What a daemon may be given beside its configuration. */
export interface DaemonOptions {
  /** How the configuration is renewed; missing: it stays as it is. */
  readonly renewal?: Renewal;
  /** Called once when modeld listens, with the real port. */
  readonly onListening?: (address: Address) => void;
}

/**
 * The daemon's whole life: listen, check llama-server, serve until the signal is aborted, then drain. Resolves with the
 * exit code when nothing of it is left: 0, or 1 where it could not listen, lost its address or must not serve.
 */
export async function runDaemon(
  configuration: Configuration,
  stop: AbortSignal,
  { renewal, onListening }: DaemonOptions = {},
): Promise<number> {
  const { settings } = configuration;
  const events = new EventLines(Deno.stdout);
  const served: { api?: HttpServer } = {};
  const live = keepUpToDate(configuration, renewal, (next) => {
    servers.update(next);
    served.api?.reconfigure(liveHttpOptions(next));
  });
  const metrics = createMetrics({
    status: () => fleet.status(),
    reloadFailed: () => live.failed,
    aliases: settings.metricsAliases,
    version,
    clock: systemClock,
  });
  const fleet = makeFleet(settings, () => live.current.settings, (event) => {
    metrics.lifecycle(event);
    if (live.current.settings.events) events.add(event);
  });
  const servers = new ConfiguredServers(configuration, fleet, systemClock, resolveBySystem);
  let isLost = false;
  const end = new AbortScope();
  const onLost = () => {
    isLost = true;
    end.abort(undefined);
  };
  const serving = await listen({ configuration, fleet, metrics, onLost });
  if (serving === undefined) {
    await live.close();
    servers.close();
    await fleet.close();
    return 1;
  }
  const { api } = serving;
  served.api = api;
  onListening?.(api.addr);
  const url = `${configuration.tls === undefined ? "http" : "https"}://${formatAddress(api.addr)}`;
  const report = new StartReport({ url, hasServers: configuration.servers.length > 0, fleet, clock: systemClock });
  if (serving.metrics !== undefined) {
    log.info("serving metrics", { url: `http://${formatAddress(serving.metrics.addr)}/metrics` });
  }
  log.debug("llama-servers", { servers: listed(configuration.servers) });
  const stopWatching = watchTlsFiles(configuration, (identity) => api.renewTls(identity), systemClock);
  fleet.start();
  const passed = await prepare(servers, configuration, stop);
  report.startIsOver();
  end.follow(stop);
  if (passed) await serveUntil(end.signal, fleet);
  end.release();
  report.close();
  stopWatching();
  await live.close();
  servers.close();
  await shutDown(serving, fleet, passed ? live.current.settings.shutdownTimeout : 0);
  await events.flush(lastEventsMs, systemClock);
  log.info("stopped");
  return passed && !isLost ? 0 : 1;
}

/** Names and addresses, for the log. */
function listed(servers: readonly ServerConfig[]): string {
  return servers.map(({ name, url }) => `${name} ${url}`).join(", ");
}

/** Finds the servers of names, and checks all servers; false: modeld must not serve. */
async function prepare(
  servers: ConfiguredServers,
  { settings, servers: configured }: Configuration,
  stop: AbortSignal,
): Promise<boolean> {
  await servers.lookUp(settings.preflight === "off" ? 0 : settings.preflightWait, stop);
  const present = servers.present();
  servers.follow();
  return configured.length === 0 || await passPreflight(present, settings, stop);
}

/** How long the last events may take to a reader that is slow, in ms. */
const lastEventsMs = 500;

async function serveUntil(stop: AbortSignal, fleet: Fleet): Promise<void> {
  if (!stop.aborted) {
    fleet.open();
    await new Promise((resolve) => stop.addEventListener("abort", resolve, { once: true }));
  }
  log.info("stopping: new requests are turned away, running streams may end; a second signal exits at once");
}

async function shutDown({ api, metrics }: Listening, fleet: Fleet, timeoutMs: number): Promise<void> {
  api.drain();
  fleet.drain();
  await api.stop(timeoutMs);
  await metrics?.stop();
  await fleet.close();
}

/** The fleet, without servers: it refuses every inference until some are added. */
export function makeFleet(
  settings: Pick<Settings, "modelsDir">,
  terms: () => Terms,
  onEvent: (event: LifecycleEvent) => void,
): Dispatcher {
  return new Dispatcher({
    servers: [],
    terms,
    modelsDir: settings.modelsDir,
    clock: systemClock,
    random: Math.random,
    onEvent,
  });
}
