import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Proxies that are believed when they say who their client is. */
export class TrustedProxies {
  readonly #networks: readonly (readonly [Address, number])[];

  /** @param networks each as CIDR, or one address */
  constructor(networks: readonly string[]) {
    this.#networks = networks.map((network) => network.includes("/") ? ipaddr.parseCIDR(network) : single(network));
  }

  /** Whether the connection from this address is one of theirs. */
  trusts(address: string): boolean {
    if (this.#networks.length === 0) return false;
    const parsed = parse(address);
    return parsed !== undefined && this.#trusts(parsed);
  }

  /**
   * The address of the client behind a connection: that of the connection itself, unless a trusted proxy made it; then the
   * last one in `X-Forwarded-For` (`Forwarded` where there is none) that is not a trusted proxy's. What stands before it,
   * the client may have made up. Where the list says nothing usable, the last proxy that is known counts.
   */
  clientOf(remote: string, headers: Headers): string {
    if (!this.trusts(remote)) return remote;
    let client = remote;
    for (const hop of hopsOf(headers).reverse()) {
      const address = parse(hop);
      if (address === undefined) break;
      client = address.toString();
      if (!this.#trusts(address)) break;
    }
    return client;
  }

  #trusts(address: Address): boolean {
    return this.#networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
  }
}

/** Who handed the request on to whom, the client first. */
function hopsOf(headers: Headers): string[] {
  const list = headers.get("x-forwarded-for");
  if (list !== null) return list.split(",");
  return headers.get("forwarded")?.split(",").map((hop) => /(?:^|;)\s*for=("[^"]*"|[^;]*)/i.exec(hop)?.[1] ?? "") ?? [];
}

/** An address, without the brackets, quotes and port that it may stand in; IPv4 within IPv6 is IPv4. */
function parse(text: string): Address | undefined {
  const bare = text.trim().replace(/^"(.*)"$/, "$1").replace(/^\[(.*)\](:\d+)?$|^([\d.]+):\d+$/, "$1$3");
  return ipaddr.IPv4.isValidFourPartDecimal(bare) || ipaddr.IPv6.isValid(bare) ? ipaddr.process(bare) : undefined;
}

function single(address: string): readonly [Address, number] {
  const parsed = ipaddr.process(address);
  return [parsed, parsed.kind() === "ipv4" ? 32 : 128];
}
