import type { Kind, Parsed } from "./kinds.ts";
import { quote } from "./problem.ts";

const allowed = "write http://host:port or https://host:port, with a path where llama-server stands under one";

/** Marks an address that stands for every address of its name. */
const DNS = "http+dns:";

/** The address of one llama-server. Kept as text, so that it cannot change; it never holds credentials. */
export const llamaUrl: Kind<string> = {
  name: "URL",
  placeholder: "URL",
  schema: { type: "string", pattern: "^(https?|http\\+dns)://" },
  mask: withoutCredentials,
  fromText: read,
  fromFile: (value) => typeof value === "string" ? read(value) : { problem: `is not a text: ${allowed}` },
  toFile: (value) => value,
};

/** The addresses of all llama-servers, each once. In a config file one of them may stand alone. */
export const llamaUrls: Kind<readonly string[]> = {
  name: "URLs",
  placeholder: "URL",
  isRepeatable: true,
  schema: { type: ["string", "array"], pattern: "^(https?|http\\+dns)://", items: llamaUrl.schema },
  mask: withoutCredentials,
  fromText(value) {
    const items = value.split(",").map((item) => item.trim()).filter((item) => item !== "");
    return items.length === 0 ? { problem: `holds no address: ${allowed}` } : readAll(items);
  },
  fromFile(value) {
    if (typeof value === "string") return readAll([value]);
    return Array.isArray(value) && value.every((item) => typeof item === "string")
      ? readAll(value)
      : { problem: `is not a text or an array of texts: ${allowed}` };
  },
  toFile: (value) => value.length === 1 && value[0] !== undefined ? value[0] : value,
};

/** The name in an address that stands for every address of it; undefined where the address is one server's. */
export function dnsName(url: string): string | undefined {
  return url.startsWith(DNS) ? asHttp(url).hostname : undefined;
}

/** The address of the server at one of the addresses of its name. */
export function urlAt(url: string, address: string): string {
  const http = asHttp(url);
  http.hostname = address.includes(":") ? `[${address}]` : address;
  return http.href;
}

function asHttp(url: string): URL {
  return new URL(url.replace(/^http\+dns:/i, "http:"));
}

function readAll(items: readonly string[]): Parsed<readonly string[]> {
  const [first, ...more] = items;
  if (first !== undefined && more.length === 0) {
    const parsed = read(first);
    return "value" in parsed ? { ...parsed, value: Object.freeze([parsed.value]) } : parsed;
  }
  const values = new Set<string>();
  const notices: string[] = [];
  for (const item of items) {
    const parsed = read(item);
    const shown = quote(withoutCredentials(item));
    if ("problem" in parsed) return { problem: `holds ${shown}, which ${parsed.problem}` };
    if (values.has(parsed.value)) return { problem: `holds ${shown} twice: name each llama-server once` };
    values.add(parsed.value);
    if (parsed.notice !== undefined) notices.push(`holds ${shown}, which ${parsed.notice}`);
  }
  const notice = notices.length === 0 ? {} : { notice: notices.join("; ") };
  return { value: Object.freeze([...values]), ...notice };
}

function read(text: string): Parsed<string> {
  if (/^https\+dns:/i.test(text)) {
    return {
      problem:
        "asks for a certificate, which does not fit an address: write http+dns://host:port, or https://host:port",
    };
  }
  const isDns = text.slice(0, DNS.length).toLowerCase() === DNS;
  const url = URL.parse(isDns ? text.replace(/^http\+dns:/i, "http:") : text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return { problem: `is not a URL of llama-server: ${allowed}` };
  }
  if (url.username !== "" || url.password !== "") {
    return {
      problem: "holds credentials, which end up in logs: use llama_api_key_file (--llama-api-key-file) instead",
    };
  }
  if (url.search !== "" || url.hash !== "") return { problem: `has a query or fragment: ${allowed}` };
  if (isDns && /^[\d.]+$|^\[/.test(url.hostname)) {
    return { problem: `has an address where http+dns:// wants a name: write ${url.href}` };
  }
  return withoutV1(url, isDns);
}

/** The usual mistake: OpenAI's clients want the address with `/v1`, modeld adds it where it belongs. */
function withoutV1(url: URL, isDns: boolean): Parsed<string> {
  const written = (): string => isDns ? url.href.replace(/^http:/, DNS) : url.href;
  const base = url.pathname.replace(/\/v1\/*$/, "");
  if (base === url.pathname) return { value: written() };
  url.pathname = base;
  return { value: written(), notice: `ends in /v1, which modeld adds by itself: using ${written()}` };
}

/** The text of a URL fit to be shown: whatever could be a user name, a password or a token is masked. */
function withoutCredentials(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1***@").replace(/([?#]).+$/s, "$1***");
}
