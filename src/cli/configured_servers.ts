import { type Clock, sleep } from "../base/clock.ts";
import { ModeldError } from "../base/errors.ts";
import { dnsName, urlAt } from "../config/llama_url.ts";
import type { Configuration } from "../config/load.ts";
import type { ServerConfig } from "../config/servers.ts";
import type { Settings } from "../config/settings_table.ts";
import type { FleetServer } from "../dispatch/dispatcher.ts";
import { notConfigured } from "../dispatch/refusals.ts";
import { connectLlamaServer, type LlamaTerms } from "../llama/connect.ts";
import { getLogger } from "../telemetry/log.ts";
import { Discovery, type Resolve, shortHash } from "../upstream/discovery.ts";
import type { PreflightServer } from "../upstream/fleet_preflight.ts";

const log = getLogger("serve");

/** Time between two questions for names without an address at start, in ms. */
const LOOKUP_PAUSE = 1_000;

/** Where servers are added and removed. */
export interface ServerSink {
  /** One of the same name that is being removed stays instead. */
  add(server: FleetServer): void;
  remove(name: string): void;
  /** Why there are none, for as long as there are none. */
  explainAbsence(error: ModeldError): void;
}

/** One entry of the configuration: a server, or all those at the addresses of a name. */
interface Entry {
  /** What its server is called, or what the names of its servers begin with. */
  readonly name: string;
  /** As it is now: key and memory may change. */
  config: ServerConfig;
  llama: LlamaTerms;
  /** Asks for the addresses, where it stands for those of a name. */
  readonly discovery: Discovery | undefined;
}

/**
 * The llama-servers of the present configuration: adds them to the fleet, those of DNS as they come, and removes those that
 * go. A server stays the same while its address, its certificates and the name that the operator gave it do; what else
 * changes holds from its next request on.
 */
export class ConfiguredServers {
  readonly #sink: ServerSink;
  readonly #clock: Clock;
  readonly #resolve: Resolve;
  /** By what makes them the same, see `identityOf`. */
  readonly #entries = new Map<string, Entry>();
  readonly #servers = new Map<string, PreflightServer>();
  /** What each entry is or was called. The fleet may still be draining a server, so nobody else gets its name. */
  readonly #names = new Map<string, string>();
  #isFollowing = false;

  /** Nothing is sent yet; servers with an address of their own are in the fleet at once. */
  constructor(configuration: Configuration, sink: ServerSink, clock: Clock, resolve: Resolve) {
    this.#sink = sink;
    this.#clock = clock;
    this.#resolve = resolve;
    this.#take(configuration);
  }

  /**
   * Makes the servers those of another configuration, and says so in the log. One that is gone gets nothing new, and what
   * runs on it goes on; a new one is used as soon as it has answered.
   */
  update(configuration: Configuration): void {
    const before = new Map(this.#entries);
    this.#take(configuration);
    const added = [...this.#entries].flatMap(([identity, { name }]) => before.has(identity) ? [] : [name]);
    const removed = [...before].flatMap(([identity, { name }]) => this.#entries.has(identity) ? [] : [name]);
    if (added.length + removed.length === 0) return;
    log.info("the llama-servers have changed", { added: added.join(", "), removed: removed.join(", ") });
  }

  /**
   * Asks for the addresses of all names, once, and then again for as long as one has none and `wait` ms have not passed.
   * Resolves early when the signal aborts.
   */
  async lookUp(wait: number, signal: AbortSignal): Promise<void> {
    const end = this.#clock.now() + wait;
    for (;;) {
      await Promise.all(this.#discoveries().map((discovery) => discovery.ask()));
      this.#explain();
      const isComplete = this.#discoveries().every(({ count }) => count > 0);
      const left = end - this.#clock.now();
      if (isComplete || left <= 0 || signal.aborted) return;
      await sleep(Math.min(LOOKUP_PAUSE, left), this.#clock, signal);
    }
  }

  /** Keeps asking for the addresses of all names. */
  follow(): void {
    this.#isFollowing = true;
    for (const discovery of this.#discoveries()) discovery.start();
  }

  /** Every server that is there now, and for each name without an address why there is none. */
  present(): readonly PreflightServer[] {
    return [...this.#servers.values(), ...[...this.#entries.values()].flatMap((entry) => unknown(entry) ?? [])];
  }

  /** Asks for no more addresses. The connections are the fleet's. */
  close(): void {
    for (const discovery of this.#discoveries()) discovery.close();
  }

  #take({ servers, settings }: Configuration): void {
    const wanted = new Map(servers.map((config) => [identityOf(config), config] as const));
    for (const [identity, config] of wanted) {
      const llama = llamaTerms(config, settings);
      const known = this.#entries.get(identity);
      if (known === undefined) this.#open(identity, config, llama);
      else Object.assign(known, { config, llama });
    }
    // After the new ones are there, so that a request which waits finds one of them.
    for (const [identity, entry] of this.#entries) {
      if (!wanted.has(identity)) this.#close(identity, entry);
    }
    this.#explain();
  }

  #open(identity: string, config: ServerConfig, llama: LlamaTerms): void {
    const name = this.#nameOf(identity, config.name);
    const host = dnsName(config.url);
    const discovery = host === undefined ? undefined : new Discovery({
      name,
      host,
      resolve: this.#resolve,
      clock: this.#clock,
      onAdd: (server, address) => this.#add(identity, server, urlAt(config.url, address)),
      onRemove: (server) => this.#remove(server),
    });
    this.#entries.set(identity, { name, config, llama, discovery });
    if (discovery === undefined) this.#add(identity, name, config.url);
    else if (this.#isFollowing) {
      void discovery.ask().then(() => this.#explain());
      discovery.start();
    }
  }

  #close(identity: string, { name, discovery }: Entry): void {
    this.#entries.delete(identity);
    discovery?.close();
    for (const server of discovery?.servers ?? [name]) this.#remove(server);
  }

  /** The name that it had before, else the one that it is to have, with a hash where that one belongs to another. */
  #nameOf(identity: string, wanted: string): string {
    const isTaken = [...this.#names.values()].includes(wanted);
    const name = this.#names.get(identity) ?? (isTaken ? `${wanted}-${shortHash(identity)}` : wanted);
    this.#names.set(identity, name);
    return name;
  }

  #discoveries(): readonly Discovery[] {
    return [...this.#entries.values()].flatMap(({ discovery }) => discovery ?? []);
  }

  #add(identity: string, name: string, url: string): void {
    let entry = this.#entries.get(identity);
    if (entry === undefined) throw new Error(`${name} belongs to no entry of the configuration`);
    // An entry that went and came back while the server was drained is another object.
    const latest = (): Entry => entry = this.#entries.get(identity) ?? entry as Entry;
    const { config: { caCerts, vramBudgetMb } } = entry;
    const connection = connectLlamaServer({ url: new URL(url), terms: () => latest().llama, caCerts });
    this.#servers.set(name, { name, server: connection, vramBudgetMb });
    this.#sink.add({ name, url, connection, terms: () => latest().config });
  }

  #remove(name: string): void {
    this.#servers.delete(name);
    this.#sink.remove(name);
  }

  #explain(): void {
    const failed = [...this.#entries.values()].flatMap((entry) => unknown(entry)?.server ?? [])[0];
    if (failed !== undefined) this.#sink.explainAbsence(failed);
    else if (this.#entries.size === 0) this.#sink.explainAbsence(notConfigured());
  }
}

/** What an entry must have in common with a later one to be the same. */
function identityOf({ url, caCerts, written }: ServerConfig): string {
  return JSON.stringify([url, caCerts, written?.name]);
}

function llamaTerms({ apiKey }: ServerConfig, settings: Settings): LlamaTerms {
  return {
    apiKey,
    timeout: settings.llamaTimeout,
    connectTimeout: settings.llamaConnectTimeout,
    firstTokenTimeout: settings.llamaFirstTokenTimeout,
    idleTimeout: settings.llamaIdleTimeout,
    useOpenai: settings.llamaUseOpenai,
    chat: settings.llamaChat,
  };
}

function unknown({ name, config, discovery }: Entry): PreflightServer & { readonly server: ModeldError } | undefined {
  if (discovery === undefined || discovery.count > 0) return undefined;
  const why = discovery.failure ?? "it was not asked yet";
  const message = `no address is known for ${config.url} (${why}): is the name right?`;
  const server = new ModeldError("unreachable", message, { retryAfterSeconds: 1 });
  return { name, server, vramBudgetMb: config.vramBudgetMb };
}
