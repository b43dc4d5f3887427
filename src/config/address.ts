import type { Kind, Parsed } from "./kinds.ts";

/** Where modeld listens. */
export interface Address {
  readonly hostname: string;
  /** 0: any free port. */
  readonly port: number;
}

const pattern = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]*)):(\d{1,5})$/;

/** `host:port`; without a host, every IPv4 interface. */
export const address: Kind<Address> = {
  name: "address",
  placeholder: "HOST:PORT",
  schema: { type: "string", pattern: ":[0-9]{1,5}$" },
  fromText: read,
  fromFile: (value) => typeof value === "string" ? read(value) : { problem: `is not a text: ${allowed}` },
  toFile: formatAddress,
};

const allowed = "write host:port, such as 127.0.0.1:8080, [::1]:8080 or :8080 for every interface";

function read(text: string): Parsed<Address> {
  const match = pattern.exec(text);
  if (match === null) return { problem: `is not an address: ${allowed}` };
  const port = Number(match[3]);
  if (port > 65535) return { problem: "has a port that does not exist: 0 (any free port) to 65535 is allowed" };
  return { value: Object.freeze({ hostname: match[1] ?? (match[2] || "0.0.0.0"), port }) };
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Whether only programs of this machine can reach the address. */
export function isLoopback({ hostname }: Address): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** Where this machine reaches what listens there: an address that means every interface cannot be asked itself. */
export function reachableAddress({ hostname, port }: Address): Address {
  if (hostname === "0.0.0.0") return { hostname: "127.0.0.1", port };
  return hostname === "::" ? { hostname: "::1", port } : { hostname, port };
}
