import ipaddr from "ipaddr.js";
import { ModeldError } from "../../base/errors.ts";

/** A name of letters, digits, `.`, `-` and `_`, or an address, with or without a port. */
const AUTHORITY = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{0,5})?$/i;

/**
 * The name or address that the client used for modeld, in small letters and without port: the `Host` header, HTTP/2's
 * `:authority`, or a target's; undefined where that is no host, or `Host` and target differ. Deno makes the request's URL
 * from whichever there is, unchecked, so nothing may read the path of a URL before this has. Without any, Deno itself puts
 * `localhost` there.
 */
export function hostOf({ headers, url }: Request): string | undefined {
  const host = headers.get("host")?.toLowerCase() ?? "";
  if (host !== "" && !AUTHORITY.test(host)) return undefined;
  const authority = authorityOf(url);
  if (host !== "" && host !== authority) return undefined;
  return AUTHORITY.exec(authority)?.[1]?.replace(/\.$/, "");
}

function authorityOf(url: string): string {
  const rest = url.slice(url.indexOf("://") + 3);
  const end = rest.search(/[/?#]/);
  return (end === -1 ? rest : rest.slice(0, end)).toLowerCase();
}

/** Names that no public name server resolves, so that no stranger can point them at this machine. */
const PRIVATE = /(^|\.)localhost$|\.local$|\.internal$/;

/**
 * Refuses the pages of strangers whose name resolves to loopback (DNS rebinding): to the browser modeld is then of their
 * own origin, so neither CORS nor the address that modeld listens on keeps them out. What is not a browser may send any
 * name it likes and is not kept out by this.
 *
 * @param allowed names beside those that are always allowed; `*` is any
 * @throws ModeldError `forbidden_host`
 */
export function checkHost(host: string, allowed: readonly string[]): void {
  if (allowed.includes("*") || allowed.includes(host) || PRIVATE.test(host) || isAddress(host)) return;
  const message = `modeld does not answer to the name ${host}: allow it with --allowed-hosts ${host}, or set keys`;
  throw new ModeldError("forbidden_host", message);
}

function isAddress(host: string): boolean {
  return host.startsWith("[") || ipaddr.IPv4.isValidFourPartDecimal(host);
}
