import type { Clock, Timer } from "../base/clock.ts";
import { getLogger } from "../telemetry/log.ts";

const log = getLogger("discovery");

/** Time between two questions for the same name, in ms. */
const INTERVAL = 5_000;
/** Addresses of one name that are used at most. */
const MOST_ADDRESSES = 256;

/** Asks for every address of a name; rejects where there is no answer. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** What finds the servers of one name. */
export interface DiscoveryOptions {
  /** The servers are called so, with a hash of their address behind it. */
  readonly name: string;
  /** The name to ask for. */
  readonly host: string;
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly onAdd: (server: string, address: string) => void;
  readonly onRemove: (server: string) => void;
}

/**
 * Finds the servers at all addresses of a name: asks for them again and again, and reports those that came and those that
 * went. An answer that fails or is empty changes nothing: the last good one holds.
 */
export class Discovery {
  readonly #options: DiscoveryOptions;
  /** Names of the servers, by address. */
  readonly #servers = new Map<string, string>();
  #timer: Timer | undefined;
  #closed = false;
  #failure: string | undefined;
  #leftOut = 0;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  /** Why the last question was not answered; undefined when it was. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** How many servers it has found. */
  get count(): number {
    return this.#servers.size;
  }

  /** Their names. */
  get servers(): readonly string[] {
    return [...this.#servers.values()];
  }

  /** Asks once; never rejects. */
  async ask(): Promise<void> {
    const { host, resolve } = this.#options;
    try {
      const addresses = await resolve(host);
      if (!this.#closed) this.#take(addresses);
    } catch (error) {
      if (!this.#closed) this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  /** Asks again and again, from now on. */
  start(): void {
    this.#timer = this.#options.clock.after(INTERVAL, async () => {
      await this.ask();
      if (!this.#closed) this.start();
    });
  }

  /** Asks no more. A question that is under way cannot be taken back: its answer is ignored. */
  close(): void {
    this.#closed = true;
    this.#timer?.clear();
  }

  #take(addresses: readonly string[]): void {
    const { name, host, onAdd, onRemove } = this.#options;
    const present = this.#chosen(new Set(usable(addresses)));
    if (present.size === 0) return this.#fail("no address");
    if (this.#failure !== undefined) log.info("the name is known again", { name, host });
    this.#failure = undefined;
    const added = [...present].filter((address) => !this.#servers.has(address));
    const removed = [...this.#servers.keys()].filter((address) => !present.has(address));
    if (added.length + removed.length === 0) return;
    log.info("the addresses of a name have changed", {
      name,
      host,
      servers: present.size,
      ...(added.length > 0 && { added: shown(added) }),
      ...(removed.length > 0 && { removed: shown(removed) }),
    });
    for (const address of added) {
      const server = `${name}-${shortHash(address)}`;
      this.#servers.set(address, server);
      onAdd(server, address);
    }
    for (const address of removed) {
      const server = this.#servers.get(address);
      this.#servers.delete(address);
      if (server !== undefined) onRemove(server);
    }
  }

  /** All, or as many as are allowed: those that are used already come first, so that none of them goes without need. */
  #chosen(addresses: ReadonlySet<string>): ReadonlySet<string> {
    const leftOut = Math.max(0, addresses.size - MOST_ADDRESSES);
    if (leftOut > 0 && leftOut !== this.#leftOut) {
      const { name, host } = this.#options;
      log.warn("a name has too many addresses: some are not used", { name, host, used: MOST_ADDRESSES, leftOut });
    }
    this.#leftOut = leftOut;
    if (leftOut === 0) return addresses;
    const known = [...addresses].filter((address) => this.#servers.has(address));
    const others = [...addresses].filter((address) => !this.#servers.has(address)).sort();
    return new Set([...known, ...others].slice(0, MOST_ADDRESSES));
  }

  #fail(reason: string): void {
    const { name, host } = this.#options;
    if (reason !== this.#failure) {
      const holds = this.#servers.size > 0 ? "; the addresses of the last answer hold" : "";
      log.warn(`the name is not known${holds}`, { name, host, reason });
    }
    this.#failure = reason;
  }
}

/** A machine that has addresses of both families is one server: IPv6 counts only where there is nothing else. */
function usable(addresses: readonly string[]): readonly string[] {
  const ipv4 = addresses.filter((address) => !address.includes(":"));
  return ipv4.length > 0 ? ipv4 : addresses;
}

/** FNV-1a of 32 bits, as 8 hexadecimal digits: two of 256 addresses share one once in 100,000 times. */
export function shortHash(text: string): string {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, "0");
}

/** A few of them, for the log. */
function shown(addresses: readonly string[]): string {
  const few = addresses.slice(0, 16).join(", ");
  return addresses.length > 16 ? `${few} and ${addresses.length - 16} more` : few;
}

/**
 * Asks the system, as every other program on the machine does: the hosts file, search domains and all. `Deno.resolveDns`
 * asks name servers itself, finds some names of the hosts file only where no search domain is set, and says "not found"
 * of every failure.
 */
export async function resolveBySystem(host: string): Promise<readonly string[]> {
  // Few need it, and it takes a while to load.
  const { lookup } = await import("node:dns/promises");
  return (await lookup(host, { all: true })).map(({ address }) => address);
}
