import ipaddr from "ipaddr.js";
import type { Kind, Parsed } from "./kind.ts";
import { listOf } from "./kinds.ts";
import { quote } from "./problem.ts";

/** Networks as CIDR, IPv4 and IPv6; one address stands for itself. */
export const networks: Kind<readonly string[]> = listOf({ name: "list of networks", placeholder: "CIDR,CIDR" }, read);

function read(text: string): Parsed<string> {
  const [address = "", ...rest] = text.split("/");
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv6.isValid(address);
  if (isAddress && (rest.length === 0 || ipaddr.isValidCIDR(text))) return { value: text };
  return { problem: `holds ${quote(text)}, which is no network: write 10.0.0.0/8, fd00::/8 or one address` };
}
