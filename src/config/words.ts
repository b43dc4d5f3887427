import ipaddr from "ipaddr.js";
import { type Kind, listOf, type Parsed } from "./kinds.ts";
import { quote } from "./problem.ts";

/** Origins as browsers send them, each with one `*` for any text where wanted. */
export const origins = words({
  pattern: "^(\\*|null|[A-Za-z][A-Za-z0-9+.-]*://[^\\s/?#*]*\\*?[^\\s/?#*]*)$",
  problem:
    "is no origin: write scheme://host or scheme://host:port without a path, with one * for any text where wanted",
});

/** HTTP methods. Browsers send them in capitals. */
export const methods = words({
  pattern: "^[A-Za-z]+$",
  problem: "is no HTTP method: words such as GET and POST are allowed",
  normal: (word) => word.toUpperCase(),
});

/** Names of headers; `*` is any. https://www.rfc-editor.org/rfc/rfc9110#name-tokens */
export const headerNames = words({
  pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
  problem: "is no name of a header: words such as Content-Type are allowed",
});

/** Names of hosts without ports; `*` is any. */
export const hostNames = words({
  pattern: "^(\\*|[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?)$",
  problem: "is no name of a host: words such as modeld.example, without scheme and port, are allowed",
  normal: (word) => word.toLowerCase(),
});

interface Words {
  /** What each word must match. */
  readonly pattern: string;
  readonly problem: string;
  /** The word as it is kept. */
  readonly normal?: (word: string) => string;
}

function words({ pattern, problem, normal = (word) => word }: Words): Kind<readonly string[]> {
  const allowed = new RegExp(pattern);
  const readWord = (word: string): Parsed<string> =>
    allowed.test(word) ? { value: normal(word) } : { problem: `holds ${quote(word)}, which ${problem}` };
  return {
    ...listOf({ name: "list", placeholder: "A,B" }, readWord),
    schema: { type: "array", items: { type: "string", pattern } },
  };
}

/** Networks as CIDR, IPv4 and IPv6; one address stands for itself. */
export const networks: Kind<readonly string[]> = listOf({ name: "list of networks", placeholder: "CIDR,CIDR" }, read);

function read(text: string): Parsed<string> {
  const [address = "", ...rest] = text.split("/");
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv6.isValid(address);
  if (isAddress && (rest.length === 0 || ipaddr.isValidCIDR(text))) return { value: text };
  return { problem: `holds ${quote(text)}, which is no network: write 10.0.0.0/8, fd00::/8 or one address` };
}
