import type { Kind, Parsed } from "./kind.ts";

const allowed = "write http://host:port or https://host:port, with a path where llama-server stands under one";

/** The address of llama-server. Kept as text, so that it cannot change; it never holds credentials. */
export const llamaUrl: Kind<string> = {
  name: "URL",
  placeholder: "URL",
  schema: { type: "string", pattern: "^https?://" },
  mask: withoutCredentials,
  fromText: read,
  fromFile: (value) => typeof value === "string" ? read(value) : { problem: `is not a text: ${allowed}` },
  toFile: (value) => value,
};

function read(text: string): Parsed<string> {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return { problem: `is not a URL of llama-server: ${allowed}` };
  }
  if (url.username !== "" || url.password !== "") {
    return {
      problem: "holds credentials, which end up in logs: use llama_api_key_file (--llama-api-key-file) instead",
    };
  }
  if (url.search !== "" || url.hash !== "") return { problem: `has a query or fragment: ${allowed}` };
  return withoutV1(url);
}

/** The usual mistake: OpenAI's clients want the address with `/v1`, modeld adds it where it belongs. */
function withoutV1(url: URL): Parsed<string> {
  const base = url.pathname.replace(/\/v1\/*$/, "");
  if (base === url.pathname) return { value: url.href };
  url.pathname = base;
  return { value: url.href, notice: `ends in /v1, which modeld adds by itself: using ${url.href}` };
}

/** The text of a URL fit to be shown: whatever could be a user name, a password or a token is masked. */
function withoutCredentials(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1***@").replace(/([?#]).+$/s, "$1***");
}
