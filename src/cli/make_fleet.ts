import { systemClock } from "../base/clock.ts";
import type { Configuration } from "../config/load.ts";
import { Dispatcher, type FleetServer } from "../dispatch/dispatcher.ts";
import type { Fleet } from "../dispatch/fleet.ts";
import { connectLlamaServer } from "../llama/connect.ts";
import type { Terms } from "../dispatch/state.ts";
import type { LlamaServer } from "../llama/llama_server.ts";
import type { LifecycleEvent } from "../upstream/lifecycle.ts";

/** The connection to the configured llama-server; none where none is configured. Nothing is sent yet. */
export function connect({ settings, llamaCaCerts }: Configuration): LlamaServer | undefined {
  if (settings.llamaUrl === undefined) return undefined;
  return connectLlamaServer({
    url: new URL(settings.llamaUrl),
    ...(settings.llamaApiKey === undefined ? {} : { apiKey: settings.llamaApiKey }),
    timeout: settings.llamaTimeout,
    connectTimeout: settings.llamaConnectTimeout,
    firstTokenTimeout: settings.llamaFirstTokenTimeout,
    idleTimeout: settings.llamaIdleTimeout,
    useOpenai: settings.llamaUseOpenai,
    chat: settings.llamaChat,
    caCerts: llamaCaCerts,
  });
}

/** The fleet of the configured servers; without one it refuses every inference. */
export function makeFleet(
  { settings }: Configuration,
  connection: LlamaServer | undefined,
  onEvent: (event: LifecycleEvent) => void,
  terms: () => Terms = () => settings,
): Fleet {
  const servers: readonly FleetServer[] = connection === undefined || settings.llamaUrl === undefined
    ? []
    : [{ name: "server-1", url: settings.llamaUrl, connection }];
  return new Dispatcher({
    servers,
    terms,
    modelsDir: settings.modelsDir,
    clock: systemClock,
    random: Math.random,
    onEvent: settings.events ? onEvent : undefined,
  });
}
