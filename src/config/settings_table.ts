import { address } from "./address.ts";
import { aliases, boolean, choice, duration, integer, path, secret, secrets, text } from "./kinds.ts";
import { llamaUrls } from "./llama_url.ts";
import { complete, optional, setting } from "./setting.ts";
import { headerNames, hostNames, methods, networks, origins } from "./words.ts";

const none = duration({ zero: "none" });
const positive = duration({ zero: undefined });

/** Everything that an operator can set. Flags, variables, config keys, help, docs and schema all come from here. */
export const settingsTable = complete({
  config: optional(path("file"), {
    help: "Config file; its extension says its format: .yaml, .yml, .json or .toml",
    example: "/etc/modeld/modeld.yaml",
    group: "General",
    key: null,
  }),

  addr: setting(address, { hostname: "127.0.0.1", port: 8080 }, {
    help: "Address to listen on. :8080 is every IPv4 interface, [::]:8080 is IPv6 as well, port 0 is any free port",
    group: "Listening",
  }),
  metricsAddr: optional(address, {
    help:
      "A second address, for /metrics, /healthz and /readyz alone: plain HTTP, no key, rendered once in 100 ms at most",
    example: { hostname: "0.0.0.0", port: 9090 },
    group: "Listening",
  }),
  metricsAliases: setting(choice("none", "vllm"), "none", {
    help: "Show the totals of /metrics under the names of vLLM as well, for balancers that know only those",
    group: "Listening",
  }),
  tlsCertFile: optional(path("file"), {
    help: "PEM file with modeld's certificate and its intermediate certificates. With it modeld serves HTTPS",
    example: "/etc/modeld/cert.pem",
    group: "Listening",
  }),
  tlsKeyFile: optional(path("file"), {
    help: "PEM file with the private key of that certificate",
    example: "/etc/modeld/key.pem",
    group: "Listening",
  }),
  corsEnabled: setting(boolean, false, {
    help: "Allow web pages of other origins to call modeld (CORS)",
    group: "Listening",
    reload: "live",
  }),
  corsOrigins: setting(origins, [], {
    help: "Origins that may call modeld, such as https://chat.example; * allows any",
    example: ["https://chat.example"],
    group: "Listening",
    reload: "live",
    key: "cors_allowed_origins",
    defaultNote: "no origin",
  }),
  corsMethods: setting(methods, ["GET", "POST", "OPTIONS"], {
    help: "Methods that these origins may use",
    group: "Listening",
    reload: "live",
    key: "cors_allowed_methods",
  }),
  corsHeaders: setting(headerNames, ["Accept", "Authorization", "Content-Type", "X-Requested-With", "X-Log-Level"], {
    help: "Request headers that these origins may send",
    group: "Listening",
    reload: "live",
    key: "cors_allowed_headers",
  }),

  llamaUrl: setting(llamaUrls, [], {
    help:
      "Address of llama-server. For several repeat the flag or use commas; http+dns://host:port is every address of the name",
    example: ["http://127.0.0.1:8081"],
    group: "llama-server",
    reload: "live",
    defaultNote: "none: requests are answered 503",
  }),
  llamaApiKey: optional(secret, {
    help: "API key for llama-server. Every user of the machine can see a flag, so prefer the file",
    example: "sk-example",
    group: "llama-server",
    reload: "live",
  }),
  llamaApiKeyFile: optional(path("file"), {
    help: "File whose first line is the API key for llama-server",
    example: "/etc/modeld/llama-api-key",
    group: "llama-server",
    reload: "live",
  }),
  llamaCaFile: optional(path("file"), {
    help: "PEM file with CA certificates to trust for llama-server, in addition to the system's",
    example: "/etc/modeld/ca.pem",
    group: "llama-server",
    reload: "live",
  }),
  llamaUseOpenai: setting(boolean, true, {
    help: "Use llama-server's OpenAI endpoints; false uses its native /completion",
    group: "llama-server",
    reload: "live",
  }),
  llamaChat: setting(boolean, false, {
    help: "Send the prompt of /infer as a chat message, so that the model's chat template applies",
    group: "llama-server",
    reload: "live",
  }),

  modelsDir: setting(path("folder"), "~/models/llm", {
    help: "Folder with the models' GGUF files. modeld reads size, quantization and family from them; it may be missing",
    group: "Models and admission",
  }),
  aliases: setting(aliases, {}, {
    help: "Other names for models that clients may use, on /v1 and /infer",
    example: { "gpt-4o": "qwen3" },
    group: "Models and admission",
    reload: "live",
  }),
  defaultModel: optional(text, {
    help: "Model for requests that name none",
    example: "qwen3-8b-q4",
    group: "Models and admission",
    reload: "live",
    variables: ["MODELD_DEFAULT_MODEL", "DEFAULT_MODEL"],
    defaultNote: "llama-server's only model; none where it has several",
  }),
  vramBudgetMb: setting(integer(), 0, {
    help: "Memory in MB that loaded models may take together; 0: unlimited",
    group: "Models and admission",
    reload: "live",
  }),
  vramMarginMb: setting(integer(), 0, {
    help: "Memory in MB to leave free within the VRAM budget",
    group: "Models and admission",
    reload: "live",
  }),
  maxQueueDepth: setting(integer({ max: 100_000 }), 32, {
    help: "Requests that may wait for one model; 0: none",
    group: "Models and admission",
    reload: "live",
  }),
  maxInflight: setting(integer({ max: 100_000 }), 0, {
    help: "Requests that may run at once for one model; 0: as many as llama-server has slots",
    group: "Models and admission",
    reload: "live",
  }),
  maxAffinityWait: setting(none, 8_000, {
    help: "Time that a request may wait for the server that has its prompt in the cache; 0: it never waits",
    group: "Models and admission",
    reload: "live",
  }),
  maxReplicas: setting(integer({ max: 256 }), 0, {
    help: "Servers on which one model may be loaded at once, where they are routers; 0: no limit",
    group: "Models and admission",
    reload: "live",
  }),
  priorityAgeing: setting(duration({ zero: "never" }), 10_000, {
    help: "A request that has waited this long counts one priority class higher; 0: never",
    group: "Models and admission",
    reload: "live",
  }),
  idleUnload: setting(duration({ zero: "never" }), 0, {
    help: "Unload a model of a router after it was idle for this long; 0: never",
    group: "Models and admission",
    reload: "live",
  }),

  maxWait: setting(duration({ zero: "no limit" }), 30_000, {
    help: "Time a request may wait for a slot, loading included; 0: no limit",
    group: "Deadlines",
    reload: "live",
  }),
  inferTimeout: setting(none, 0, {
    help: "Time from a request's arrival to the end of its answer, waiting included; 0: no limit",
    group: "Deadlines",
    reload: "live",
  }),
  bodyTimeout: setting(none, 10_000, {
    help: "Time for a request's body to arrive; 0: no limit",
    group: "Deadlines",
    reload: "live",
  }),
  writeTimeout: setting(none, 60_000, {
    help: "Time that may pass without the client reading anything of its answer; 0: no limit",
    group: "Deadlines",
    reload: "live",
  }),
  llamaTimeout: setting(none, 30_000, {
    help: "Time that one request of /infer may take on llama-server, to its last token; 0: no limit",
    group: "Deadlines",
    reload: "live",
  }),
  v1Timeout: setting(none, 600_000, {
    help: "Time that one request of /v1 may take on llama-server, to its last token; 0: no limit",
    group: "Deadlines",
    reload: "live",
  }),
  heartbeat: setting(none, 15_000, {
    help: "Send a comment this often while a stream of /v1 has not begun, so that proxies keep it open; 0: never",
    group: "Deadlines",
    reload: "live",
  }),
  llamaConnectTimeout: setting(positive, 5_000, {
    help: "Time allowed to connect to llama-server",
    group: "Deadlines",
    reload: "live",
  }),
  llamaFirstTokenTimeout: setting(none, 0, {
    help: "Time llama-server may be silent before the first token; 0: no limit",
    group: "Deadlines",
    reload: "live",
  }),
  llamaIdleTimeout: setting(none, 0, {
    help: "Time llama-server may be silent between tokens; its comments count as a sign of life; 0: no limit",
    group: "Deadlines",
    reload: "live",
  }),
  shutdownTimeout: setting(duration({ zero: "streams end at once" }), 5_000, {
    help: "Time running streams have to finish when modeld stops; 0: they end at once",
    group: "Deadlines",
    reload: "live",
  }),
  drainTimeout: setting(positive, 2_000, {
    help: "Time llama-server has to confirm that it unloaded a model",
    group: "Deadlines",
    reload: "live",
  }),

  maxBodyBytes: setting(integer({ min: 1 }), 1_048_576, {
    help: "Largest request body, in bytes",
    group: "Limits",
    reload: "live",
  }),
  v1MaxBodyBytes: setting(integer({ min: 1 }), 33_554_432, {
    help: "Largest request body of /v1, in bytes; images and long contexts are sent there",
    group: "Limits",
    reload: "live",
  }),
  maxAnswerBytes: setting(integer({ min: 1 }), 16_777_216, {
    help: "Longest text of an answer, in bytes as it is sent. When it is reached, modeld stops llama-server",
    group: "Limits",
    reload: "live",
  }),
  maxBufferedBytes: setting(integer({ min: 65_536 }), 268_435_456, {
    help:
      "Bytes of request bodies and unread answers that all requests may hold together. Beyond that they are answered 503",
    group: "Limits",
    reload: "live",
  }),
  maxHeaderCount: setting(integer({ max: 1_000 }), 100, {
    help: "Headers that a request may have; 0: no limit",
    group: "Limits",
    reload: "live",
  }),
  maxPathLength: setting(integer({ max: 65_536 }), 2_048, {
    help: "Characters of a request's path and query together; 0: no limit",
    group: "Limits",
    reload: "live",
  }),
  maxJsonDepth: setting(integer({ min: 1, max: 1_000 }), 32, {
    help: "Levels to which arrays and objects of a request body may be nested",
    group: "Limits",
    reload: "live",
  }),
  maxConcurrentRequests: setting(integer({ max: 1_000_000 }), 4_096, {
    help: "Requests that modeld may answer at once, waiting and streaming ones included; others get 503. 0: no limit",
    group: "Limits",
    reload: "live",
  }),
  maxInflightPerClient: setting(integer({ max: 1_000_000 }), 0, {
    help: "Requests that one API key, or else one address, may run at once; 0: no limit",
    group: "Limits",
    reload: "live",
  }),

  allowMediaUrls: setting(boolean, false, {
    help: "Let llama-server fetch images and audio by http(s) address, from its own network",
    group: "Access",
    reload: "live",
  }),
  apiKeyFile: optional(path("file"), {
    help: "File with the API keys that clients may use, one on each line; lines that begin with # are skipped",
    example: "/etc/modeld/api-keys",
    group: "Access",
    reload: "live",
  }),
  apiKeys: setting(secrets, [], {
    help: "API keys that clients may use, separated by commas, in addition to those of the file",
    example: ["sk-one", "sk-two"],
    group: "Access",
    reload: "live",
    flag: null,
    key: null,
    refusesEmpty: true,
    defaultNote: "no key is asked for",
  }),
  allowedHosts: setting(hostNames, [], {
    help: "Host names that clients may use where modeld listens on loopback without keys; * allows any",
    example: ["modeld.example"],
    group: "Access",
    reload: "live",
    defaultNote: "addresses, localhost and names under .localhost, .local and .internal",
  }),
  trustedProxies: setting(networks, [], {
    help: "Networks of proxies whose X-Forwarded-For or Forwarded header is believed",
    example: ["127.0.0.1/32", "10.0.0.0/8"],
    group: "Access",
    reload: "live",
    defaultNote: "no proxy",
  }),

  logLevel: setting(choice("off", "error", "warn", "info", "debug"), "info", {
    help: "Least severe messages that are logged, to stderr. Prompts and tokens are logged only at debug",
    group: "Logs and events",
    reload: "live",
  }),
  logFormat: setting(choice("auto", "text", "json"), "auto", {
    help: "Format of the log; auto: text on a terminal, else JSON lines",
    group: "Logs and events",
    reload: "live",
  }),
  events: setting(boolean, false, {
    help: "Write a JSON line to stdout when a model is loaded or unloaded, and when a server is lost or found",
    group: "Logs and events",
    reload: "live",
  }),

  preflight: setting(choice("fail", "warn", "off"), "fail", {
    help:
      "Check llama-server at start. fail: exit with 1 if a check fails; warn: serve all the same; off: check nothing",
    group: "Start",
  }),
  preflightWait: setting(duration({ zero: "one try" }), 0, {
    help: "Time to keep checking while llama-server is starting or loading; 0: check once",
    group: "Start",
  }),

  llamaBin: optional(text, {
    help: "Path of a llama program",
    group: "Deprecated",
    variables: [],
    deprecated: "start llama-server yourself and give its address with --llama-url",
  }),
  llamaCtx: optional(integer(), {
    help: "Context length in tokens",
    group: "Deprecated",
    variables: [],
    deprecated: "start llama-server with --ctx-size N (-c N)",
  }),
  llamaThreads: optional(integer(), {
    help: "Threads to compute with",
    group: "Deprecated",
    variables: [],
    deprecated: "start llama-server with --threads N (-t N)",
  }),
});

/** The name of a setting, as the program knows it. */
export type SettingName = keyof typeof settingsTable;

/** The effective value of every setting. Durations are milliseconds, 0 as the setting's help says. */
export type Settings = { readonly [N in SettingName]: (typeof settingsTable)[N]["default"] };

/** All names, in the table's order. */
export const settingNames: readonly SettingName[] = Object.freeze(Object.keys(settingsTable) as SettingName[]);
