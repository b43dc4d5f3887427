import { tinyGguf } from "../../../../e2e/support/tiny_gguf.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import { ConfiguredServers } from "../../../../src/cli/configured_servers.ts";
import { makeFleet } from "../../../../src/cli/daemon.ts";
import { createMetrics } from "../../../../src/telemetry/metrics.ts";
import { listen } from "../../../../src/cli/listen.ts";
import type { Fleet } from "../../../../src/dispatch/fleet.ts";
import { errorMeanings } from "../../../../src/http/api/docs/error_meanings.ts";
import type { HttpServer } from "../../../../src/http/server.ts";
import { configureLog } from "../../../../src/telemetry/log.ts";
import { configure } from "../../../config/configure.ts";
import { FakeLlamaHttpServer, type FakeLlamaOptions } from "../../../support/fake_llama_http_server.ts";
import type { Exchange } from "../../../support/raw_http_server.ts";
import { chunk, LAST_CHUNK, replyJson, replyStream, STREAM_HEAD } from "../../../support/replies.ts";
import { completionToken, errorBody } from "../../../support/wire_streams.ts";
import { until, withServer } from "../../with_server.ts";
import { assertEquals } from "@std/assert";

/** A modeld in this process, its llama-server, and clients for it. */
interface Rig {
  readonly llama: FakeLlamaHttpServer;
  readonly fleet: Fleet;
  readonly http: HttpServer;
  /** The error that a request to `/infer` gets. */
  ask(fields?: Record<string, unknown>, init?: RequestInit): Promise<string>;
  /** The error in what comes back for these bytes; the connection is closed then. */
  raw(request: string): Promise<string>;
  /** Begins a request that gets a slot and keeps it until the rig is closed. */
  occupy(): Promise<void>;
}

/** How one kind of error comes about. */
interface Provocation {
  readonly args?: readonly string[];
  readonly llama?: FakeLlamaOptions;
  /** False: llama-server is gone before modeld asks it anything. */
  readonly llamaRuns?: false;
  provoke(rig: Rig): Promise<string>;
}

const HEAD = "POST /infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

/** llama-server answers the next generation like this. */
function answered(by: (exchange: Exchange) => Promise<unknown>): (rig: Rig) => Promise<string> {
  return ({ llama, ask }) => {
    llama.next(async (exchange) => void await by(exchange));
    return ask();
  };
}

const silent = answered((exchange) => exchange.gone);

const ROUTER = { models: ["tiny"], router: { loadDelay: Infinity } };

/** All but `internal`, which has a test of its own, and `rate_limited`, which nothing sends yet. */
type Provoked = Exclude<keyof typeof errorMeanings, "internal" | "rate_limited">;

const provocations: Readonly<Record<Provoked, Provocation>> = {
  invalid_request: { provoke: ({ ask }) => ask({ prompt: "" }) },
  upstream_invalid: {
    provoke: answered((exchange) =>
      replyJson(exchange, 400, errorBody(400, errorMeanings.upstream_invalid.example, "exceed_context_size_error"))
    ),
  },
  unauthorized: { args: ["--api-key-file", "FILES/keys"], provoke: ({ ask }) => ask() },
  forbidden_host: {
    provoke: ({ raw }) => raw("GET /status HTTP/1.1\r\nHost: chat.example\r\nConnection: close\r\n\r\n"),
  },
  model_forbidden: {
    args: ["--config", "FILES/modeld.yaml"],
    llama: { models: ["tiny", "qwen3"] },
    provoke: ({ ask }) =>
      ask({ model: "qwen3" }, {
        headers: { "Content-Type": "application/json", Authorization: "Bearer sk-of-chat" },
      }),
  },
  model_not_found: { provoke: ({ ask }) => ask({ model: "mistral" }) },
  not_found: { provoke: ({ raw }) => raw("GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n") },
  method_not_allowed: {
    provoke: ({ raw }) => raw("GET /infer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
  },
  body_timeout: {
    args: ["--body-timeout", "100ms"],
    provoke: ({ raw }) => raw(`${HEAD}Content-Length: 100\r\n\r\n{"prompt":`),
  },
  unsupported_media_type: { provoke: ({ ask }) => ask({}, { headers: { "Content-Type": "text/plain" } }) },
  overloaded: { args: ["--max-concurrent-requests", "1"], provoke: occupiedFirst },
  client_limit: { args: ["--max-inflight-per-client", "1"], provoke: occupiedFirst },
  queue_full: { args: ["--max-queue-depth", "0"], llama: { slots: 1 }, provoke: occupiedFirst },
  wait_timeout: { args: ["--max-wait", "100ms"], llama: { slots: 1 }, provoke: occupiedFirst },
  upstream_error: {
    provoke: answered((exchange) => replyJson(exchange, 500, errorBody(500, "failed to decode"))),
  },
  protocol: {
    provoke: answered(async (exchange) => {
      await exchange.send(STREAM_HEAD + chunk("proxy error: Failed to read connection") + LAST_CHUNK);
      await exchange.close();
    }),
  },
  truncated: { provoke: answered((exchange) => replyStream(exchange, completionToken(" one"))) },
  answer_too_large: { args: ["--max-answer-bytes", "4"], provoke: ({ ask }) => ask() },
  first_token_timeout: { args: ["--llama-first-token-timeout", "100ms"], provoke: silent },
  idle_timeout: {
    args: ["--llama-idle-timeout", "100ms"],
    provoke: answered(async (exchange) => {
      await exchange.send(STREAM_HEAD + chunk(completionToken(" one")));
      await exchange.gone;
    }),
  },
  llama_timeout: { args: ["--llama-timeout", "100ms"], provoke: silent },
  infer_timeout: { args: ["--infer-timeout", "100ms"], provoke: silent },
  write_timeout: { args: ["--write-timeout", "100ms"], provoke: unreadAnswer },
  not_configured: { args: ["--llama-url", ""], provoke: ({ ask }) => ask() },
  unreachable: { llamaRuns: false, provoke: ({ ask }) => ask() },
  loading: { args: ["--max-wait", "100ms"], llama: ROUTER, provoke: ({ ask }) => ask() },
  load_failed: {
    llama: ROUTER,
    async provoke({ llama, ask }) {
      const reply = ask();
      await until(() => llama.router?.stateOf("tiny") === "loading");
      llama.router?.failLoad("tiny");
      return await reply;
    },
  },
  upstream_refused: { llama: { apiKey: "its-own" }, provoke: ({ ask }) => ask() },
  shutting_down: {
    provoke({ http, fleet, ask }) {
      http.drain();
      fleet.drain();
      return ask();
    },
  },
  insufficient_vram: {
    args: ["--vram-budget-mb", "1", "--models-dir", "FILES"],
    llama: ROUTER,
    provoke: ({ ask }) => ask(),
  },
};

async function occupiedFirst({ occupy, ask }: Rig): Promise<string> {
  await occupy();
  return await ask();
}

/** Nobody reads this error, so it is taken from the log. */
async function unreadAnswer({ llama, http }: Rig): Promise<string> {
  const logged = Promise.withResolvers<string>();
  configureLog({
    level: "info",
    format: "json",
    write(line) {
      const { message, error } = JSON.parse(line);
      if (message === "inference ended") logged.resolve(error);
    },
  });
  const event = chunk(completionToken("x".repeat(100_000)));
  llama.next(async (exchange) => {
    await exchange.send(STREAM_HEAD);
    for (let isOpen = true; isOpen;) await exchange.send(event).catch(() => isOpen = false);
  });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: http.addr.port });
  const body = '{"prompt":"Once"}';
  await client.write(new TextEncoder().encode(`${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`));
  try {
    return await logged.promise;
  } finally {
    configureLog(undefined);
  }
}

async function withRig({ args = [], llama: options, llamaRuns, provoke }: Provocation): Promise<string> {
  const llama = await FakeLlamaHttpServer.start(options);
  const files = await Deno.makeTempDir();
  await Deno.writeTextFile(`${files}/keys`, "sk-of-a-client\n");
  await Deno.writeTextFile(
    `${files}/modeld.yaml`,
    "clients: [{ name: chat, key: sk-of-chat, models: [tiny] }]\n",
  );
  await Deno.writeFile(`${files}/tiny.gguf`, tinyGguf());
  await Deno.truncate(`${files}/tiny.gguf`, 3 * 2 ** 20); // three MB, as far as anybody can tell
  const given = args.map((arg) => arg.replace("FILES", files));
  const url = args.includes("--llama-url") ? [] : ["--llama-url", llama.url.href];
  const isConfigured = url.length > 0;
  const isServed = isConfigured && llamaRuns !== false && options?.apiKey === undefined;
  const configuration = await configure({ args: ["--addr", "127.0.0.1:0", ...url, ...isConfigured ? given : []] });
  if (llamaRuns === false) await llama.close();
  const { settings } = configuration;
  const fleet = makeFleet(settings, () => settings, () => {});
  new ConfiguredServers(configuration, fleet, systemClock, () => Promise.reject(new Error("no names here")));
  const metrics = createMetrics({ status: () => fleet.status(), version: "", clock: systemClock });
  const http = (await listen({ configuration, fleet, metrics, onLost: () => {} }))?.api;
  if (http === undefined) throw new Error("no address to listen on");
  const left = new AbortController();
  const occupants: Promise<unknown>[] = [];
  const ask: Rig["ask"] = async (fields = {}, init = {}) => {
    const reply = await fetch(`http://localhost:${http.addr.port}/infer`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: "Once", model: isConfigured ? "tiny" : null, ...fields }),
      signal: left.signal,
      ...init,
    });
    return errorIn(await reply.text());
  };
  const rig: Rig = {
    llama,
    fleet,
    http,
    ask,
    async raw(request) {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port: http.addr.port });
      await connection.write(new TextEncoder().encode(request));
      let reply = "";
      const decoder = new TextDecoder();
      const buffer = new Uint8Array(4096);
      while (!/\{.*\}/.test(reply)) {
        const length = await connection.read(buffer);
        if (length === null) break;
        reply += decoder.decode(buffer.subarray(0, length));
      }
      return errorIn(/\{.*\}/.exec(reply)?.[0] ?? reply);
    },
    async occupy() {
      llama.next((exchange) => exchange.gone);
      occupants.push(ask().catch(() => {}));
      await llama.posted();
    },
  };
  fleet.start();
  fleet.open();
  try {
    if (isServed) await until(() => fleet.models().length > 0);
    return await provoke(rig);
  } finally {
    left.abort();
    await Promise.all(occupants);
    http.drain();
    fleet.drain();
    await http.stop(0);
    await fleet.close();
    if (llamaRuns !== false) await llama.close();
    await Deno.remove(files, { recursive: true });
  }
}

/** The message of the error that ends a reply. */
function errorIn(ndjson: string): string {
  return JSON.parse(ndjson.trimEnd().split("\n").at(-1) ?? "").error;
}

/** The message, whatever its numbers are, and without the rest of the paths that there are. */
function shape(message: string): string {
  return message.replace(/\d+/g, "N").replace(/(there are (\/\w+, ){3}).*/, "$1...");
}

for (const [kind, provocation] of Object.entries(provocations)) {
  Deno.test(`the example of ${kind} in the API description is what modeld sends`, async () => {
    const { example } = errorMeanings[kind as keyof typeof provocations];
    assertEquals(shape(await withRig(provocation)), shape(example));
  });
}

Deno.test("the example of internal in the API description is what modeld sends", async () => {
  await withServer(async ({ fleet, infer }) => {
    fleet.script = () => {
      throw new Error("a bug of modeld's");
    };
    const { error } = await (await infer({ prompt: "Once" })).json();
    assertEquals(error, errorMeanings.internal.example);
  });
});
