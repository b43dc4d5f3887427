import { type Clock, sleep } from "../base/clock.ts";
import { ModeldError } from "../base/errors.ts";
import { dnsName, urlAt } from "../config/llama_url.ts";
import type { Configuration } from "../config/load.ts";
import type { ServerConfig } from "../config/servers.ts";
import type { FleetServer } from "../dispatch/dispatcher.ts";
import { connectLlamaServer } from "../llama/connect.ts";
import type { LlamaServer } from "../llama/llama_server.ts";
import { Discovery, type Resolve } from "../upstream/discovery.ts";
import type { PreflightServer } from "../upstream/fleet_preflight.ts";

/** Time between two questions for names without an address at start, in ms. */
const LOOKUP_PAUSE = 1_000;

/** Where servers are added and removed. */
export interface ServerSink {
  add(server: FleetServer): void;
  remove(name: string): void;
  /** Why there are none, for as long as there are none. */
  explainAbsence(error: ModeldError): void;
}

/** One name whose addresses are servers. */
interface Name {
  readonly config: ServerConfig;
  readonly discovery: Discovery;
}

/** The llama-servers of a configuration: adds them to the fleet, those of DNS as they come, and removes those that go. */
export class ConfiguredServers {
  readonly #configuration: Configuration;
  readonly #sink: ServerSink;
  readonly #names: readonly Name[];
  readonly #clock: Clock;
  readonly #servers = new Map<string, PreflightServer>();

  /** Nothing is sent yet; servers with an address of their own are in the fleet at once. */
  constructor(configuration: Configuration, sink: ServerSink, clock: Clock, resolve: Resolve) {
    this.#configuration = configuration;
    this.#sink = sink;
    this.#clock = clock;
    const names: Name[] = [];
    for (const config of configuration.servers) {
      const host = dnsName(config.url);
      if (host === undefined) {
        this.#add(config, config.name, config.url);
        continue;
      }
      const discovery = new Discovery({
        name: config.name,
        host,
        resolve,
        clock,
        onAdd: (server, address) => this.#add(config, server, urlAt(config.url, address)),
        onRemove: (server) => this.#remove(server),
      });
      names.push({ config, discovery });
    }
    this.#names = names;
    this.#explain();
  }

  /**
   * Asks for the addresses of all names, once, and then again for as long as one has none and `wait` ms have not passed.
   * Resolves early when the signal aborts.
   */
  async lookUp(wait: number, signal: AbortSignal): Promise<void> {
    const end = this.#clock.now() + wait;
    for (;;) {
      await Promise.all(this.#names.map(({ discovery }) => discovery.ask()));
      this.#explain();
      const isComplete = this.#names.every(({ discovery }) => discovery.count > 0);
      const left = end - this.#clock.now();
      if (isComplete || left <= 0 || signal.aborted) return;
      await sleep(Math.min(LOOKUP_PAUSE, left), this.#clock, signal);
    }
  }

  /** Keeps asking for the addresses of all names. */
  follow(): void {
    for (const { discovery } of this.#names) discovery.start();
  }

  /** Every server that is there now, and for each name without an address why there is none. */
  present(): readonly PreflightServer[] {
    return [...this.#servers.values(), ...this.#names.flatMap((name) => unknown(name) ?? [])];
  }

  /** Asks for no more addresses. The connections are the fleet's. */
  close(): void {
    for (const { discovery } of this.#names) discovery.close();
  }

  #add(config: ServerConfig, name: string, url: string): void {
    const connection = this.#connect(config, url);
    const { vramBudgetMb, vramMarginMb } = config;
    this.#servers.set(name, { name, server: connection, vramBudgetMb });
    this.#sink.add({ name, url, connection, terms: { vramBudgetMb, vramMarginMb } });
  }

  #remove(name: string): void {
    this.#servers.delete(name);
    this.#sink.remove(name);
  }

  #explain(): void {
    const failed = this.#names.flatMap((name) => unknown(name)?.server ?? [])[0];
    if (failed !== undefined) this.#sink.explainAbsence(failed);
  }

  #connect({ apiKey, caCerts }: ServerConfig, url: string): LlamaServer {
    const { settings } = this.#configuration;
    return connectLlamaServer({
      url: new URL(url),
      ...(apiKey === undefined ? {} : { apiKey }),
      timeout: settings.llamaTimeout,
      connectTimeout: settings.llamaConnectTimeout,
      firstTokenTimeout: settings.llamaFirstTokenTimeout,
      idleTimeout: settings.llamaIdleTimeout,
      useOpenai: settings.llamaUseOpenai,
      chat: settings.llamaChat,
      caCerts,
    });
  }
}

function unknown({ config, discovery }: Name): PreflightServer & { readonly server: ModeldError } | undefined {
  if (discovery.count > 0) return undefined;
  const why = discovery.failure ?? "it was not asked yet";
  const message = `no address is known for ${config.url} (${why}): is the name right?`;
  const server = new ModeldError("unreachable", message, { retryAfterSeconds: 1 });
  return { name: config.name, server, vramBudgetMb: config.vramBudgetMb };
}
