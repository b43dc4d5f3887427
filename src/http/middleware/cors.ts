import { STATUS_CODE } from "@std/http/status";

/** Which pages of other origins may call modeld from a browser. */
export interface CorsOptions {
  /** Each as `https://app.example`, with one `*` for any text where wanted; `*` alone is every origin; none: no page may. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
}

/** How long a browser may keep a preflight's answer. */
const MAX_AGE_SECONDS = 300;

/** What OpenAI's and Anthropic's SDKs send from a browser. */
const CLIENT_HEADERS = /^(x-stainless-[a-z-]+|anthropic-[a-z-]+|x-api-key)$/;

/** What a page may read of a reply. */
const EXPOSED = [
  "X-Request-Id",
  "request-id",
  "X-Modeld-Server",
  "X-Modeld-Ignored",
  "x-should-retry",
  "Retry-After",
  "retry-after-ms",
  "x-ratelimit-limit-requests",
  "x-ratelimit-limit-tokens",
  "x-ratelimit-remaining-requests",
  "x-ratelimit-remaining-tokens",
  "x-ratelimit-reset-requests",
  "x-ratelimit-reset-tokens",
].join(", ");

/** CORS as the Fetch standard has it, without credentials. https://fetch.spec.whatwg.org/#http-cors-protocol */
export class Cors {
  readonly #options: CorsOptions;
  readonly #headers: ReadonlySet<string>;

  constructor(options: CorsOptions) {
    this.#options = options;
    this.#headers = new Set(options.headers.map((name) => name.toLowerCase()));
  }

  /** The answer to a preflight; undefined where the request is none. */
  preflight(request: Request): Response | undefined {
    const method = request.headers.get("access-control-request-method");
    if (request.method !== "OPTIONS" || method === null) return undefined;
    const reply = new Response(null, { status: STATUS_CODE.NoContent });
    const wanted = request.headers.get("access-control-request-headers") ?? "";
    if (this.#options.methods.includes(method) && this.#allowsHeaders(wanted)) {
      reply.headers.set("Access-Control-Allow-Methods", this.#options.methods.join(", "));
      const sdk = wanted.split(",").map((name) => name.trim()).filter((name) =>
        CLIENT_HEADERS.test(name.toLowerCase())
      );
      reply.headers.set("Access-Control-Allow-Headers", [...this.#options.headers, ...sdk].join(", "));
      reply.headers.set("Access-Control-Max-Age", String(MAX_AGE_SECONDS));
    }
    return reply;
  }

  /** Adds to any reply what lets the page of an allowed origin read it. */
  apply(request: Request, headers: Headers): void {
    headers.append("Vary", "Origin");
    if (request.headers.has("origin")) headers.set("Access-Control-Expose-Headers", EXPOSED);
    const origin = request.headers.get("origin");
    if (origin === null) return;
    if (this.#options.origins.includes("*")) headers.set("Access-Control-Allow-Origin", "*");
    else if (this.#options.origins.some((allowed) => matches(allowed, origin))) {
      headers.set("Access-Control-Allow-Origin", origin);
    }
  }

  #allowsHeaders(wanted: string): boolean {
    if (this.#headers.has("*")) return true;
    return wanted.split(",").map((name) => name.trim().toLowerCase())
      .every((name) => name === "" || this.#headers.has(name) || CLIENT_HEADERS.test(name));
  }
}

/** Origins are compared without regard to case; a `*` in the pattern stands for any text that is not empty. */
function matches(pattern: string, origin: string): boolean {
  const allowed = pattern.toLowerCase();
  const asked = origin.toLowerCase();
  const star = allowed.indexOf("*");
  if (star === -1) return allowed === asked;
  const [start, end] = [allowed.slice(0, star), allowed.slice(star + 1)];
  return asked.length > start.length + end.length && asked.startsWith(start) && asked.endsWith(end);
}
