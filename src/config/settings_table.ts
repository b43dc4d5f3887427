import { address } from "./address.ts";
import { aliases, boolean, choice, duration, integer, path, secret, secrets, text } from "./kinds.ts";
import { llamaUrl } from "./llama_url.ts";
import { networks } from "./networks.ts";
import { complete, optional, setting } from "./setting.ts";
import { headerNames, hostNames, methods, origins } from "./words.ts";

const none = duration({ zero: "none" });
const positive = duration({ zero: undefined });

/** Everything that an operator can set. Flags, variables, config keys, help, docs and schema all come from here. */
export const settingsTable = complete({
  config: optional(path("file"), {
    help: "Config file, its format by extension: .yaml .yml .json .toml",
    example: "/etc/modeld/modeld.yaml",
    group: "General",
    key: null,
  }),

  addr: setting(address, { hostname: "127.0.0.1", port: 8080 }, {
    help: "Address to listen on; :8080 is every IPv4 interface, [::]:8080 IPv6 as well, port 0 any free port",
    group: "Listening",
  }),
  tlsCertFile: optional(path("file"), {
    help: "PEM file of modeld's own certificate and those above it; with it modeld speaks TLS",
    example: "/etc/modeld/cert.pem",
    group: "Listening",
  }),
  tlsKeyFile: optional(path("file"), {
    help: "PEM file of that certificate's private key",
    example: "/etc/modeld/key.pem",
    group: "Listening",
  }),
  corsEnabled: setting(boolean, false, {
    help: "Answer browsers of other origins (CORS)",
    group: "Listening",
  }),
  corsOrigins: setting(origins, [], {
    help: "Origins that may ask, such as https://chat.example; * is any",
    example: ["https://chat.example"],
    group: "Listening",
    key: "cors_allowed_origins",
    defaultNote: "no origin",
  }),
  corsMethods: setting(methods, ["GET", "POST", "OPTIONS"], {
    help: "Methods that other origins may use",
    group: "Listening",
    key: "cors_allowed_methods",
  }),
  corsHeaders: setting(headerNames, ["Accept", "Authorization", "Content-Type", "X-Requested-With", "X-Log-Level"], {
    help: "Request headers that other origins may send",
    group: "Listening",
    key: "cors_allowed_headers",
  }),

  llamaUrl: optional(llamaUrl, {
    help: "Address of llama-server; without it /infer answers 503",
    example: "http://127.0.0.1:8081",
    group: "llama-server",
  }),
  llamaApiKey: optional(secret, {
    help: "Key for llama-server; as a flag it stands in the process list, so prefer the file",
    example: "sk-example",
    group: "llama-server",
  }),
  llamaApiKeyFile: optional(path("file"), {
    help: "File whose first line is the key for llama-server",
    example: "/etc/modeld/llama-api-key",
    group: "llama-server",
  }),
  llamaCaFile: optional(path("file"), {
    help: "PEM file of the authorities that may have signed llama-server's certificate, beside the usual ones",
    example: "/etc/modeld/ca.pem",
    group: "llama-server",
  }),
  llamaUseOpenai: setting(boolean, true, {
    help: "Use llama-server's OpenAI endpoints; false: its native /completion",
    group: "llama-server",
  }),
  llamaChat: setting(boolean, false, {
    help: "Send the prompt as a chat message (/v1/chat/completions), so that the model's chat template applies",
    group: "llama-server",
  }),

  modelsDir: setting(path("folder"), "~/models/llm", {
    help: "Folder of GGUF files, read for size, quantization and family; it may be missing",
    group: "Models and admission",
  }),
  aliases: setting(aliases, {}, {
    help: "Names that clients have built in and the models that they mean, for /v1 and /infer",
    example: { "gpt-4o": "qwen3" },
    group: "Models and admission",
  }),
  defaultModel: optional(text, {
    help: "Model of requests that name none",
    example: "qwen3-8b-q4",
    group: "Models and admission",
    variables: ["MODELD_DEFAULT_MODEL", "DEFAULT_MODEL"],
    defaultNote: "llama-server's only model; none where it has several",
  }),
  vramBudgetMb: setting(integer(), 0, {
    help: "MB that loaded models may take together; 0 is unlimited",
    group: "Models and admission",
  }),
  vramMarginMb: setting(integer(), 0, {
    help: "MB of the budget to leave free",
    group: "Models and admission",
  }),
  maxQueueDepth: setting(integer({ max: 100_000 }), 32, {
    help: "Requests that may wait for one model; 0: nobody waits",
    group: "Models and admission",
  }),
  maxInflight: setting(integer({ max: 100_000 }), 0, {
    help: "Generations at once for one model; 0: as many as llama-server has slots for it",
    group: "Models and admission",
  }),
  maxAffinityWait: setting(none, 8_000, {
    help: "Time that a request may wait for the server that has its prompt in the cache; 0: it never waits",
    group: "Models and admission",
  }),
  priorityAgeing: setting(duration({ zero: "never" }), 10_000, {
    help: "A request that has waited this long counts one class higher; 0: never",
    group: "Models and admission",
  }),
  idleUnload: setting(duration({ zero: "never" }), 0, {
    help: "Unload a router's model that was idle this long; 0: never",
    group: "Models and admission",
  }),

  maxWait: setting(duration({ zero: "no limit" }), 30_000, {
    help: "From a request's arrival to its slot, loading included; 0: no limit",
    group: "Deadlines",
  }),
  inferTimeout: setting(none, 0, {
    help: "From a request's arrival to its last line, queue and load included; 0: none",
    group: "Deadlines",
  }),
  bodyTimeout: setting(none, 10_000, {
    help: "For a request's body to arrive; 0: none",
    group: "Deadlines",
  }),
  writeTimeout: setting(none, 60_000, {
    help: "Without the client taking a byte of its stream; 0: none",
    group: "Deadlines",
  }),
  llamaTimeout: setting(none, 30_000, {
    help: "For llama-server, from the POST to its end; 0: none",
    group: "Deadlines",
  }),
  v1Timeout: setting(none, 600_000, {
    help: "For an answer to /v1, from the POST to llama-server to its end; 0: none",
    group: "Deadlines",
  }),
  heartbeat: setting(none, 15_000, {
    help: "Without anything to send before a stream of /v1 begins with a comment, which proxies take for life; 0: none",
    group: "Deadlines",
  }),
  llamaConnectTimeout: setting(positive, 5_000, {
    help: "To reach llama-server, never its thinking",
    group: "Deadlines",
  }),
  llamaFirstTokenTimeout: setting(none, 0, {
    help: "Waiting for llama-server's first token; 0: none",
    group: "Deadlines",
  }),
  llamaIdleTimeout: setting(none, 0, {
    help: "Waiting for llama-server between tokens, its comments count as life; 0: none",
    group: "Deadlines",
  }),
  shutdownTimeout: setting(duration({ zero: "streams end at once" }), 5_000, {
    help: "For running streams to end when modeld stops; 0: they end at once",
    group: "Deadlines",
  }),
  drainTimeout: setting(positive, 2_000, {
    help: "For llama-server to confirm that it unloaded a model",
    group: "Deadlines",
  }),

  maxBodyBytes: setting(integer({ min: 1 }), 1_048_576, {
    help: "Largest request body, in bytes",
    group: "Limits",
  }),
  v1MaxBodyBytes: setting(integer({ min: 1 }), 33_554_432, {
    help: "Largest request body of /v1, in bytes: pictures and long contexts are sent there",
    group: "Limits",
  }),
  maxAnswerBytes: setting(integer({ min: 1 }), 16_777_216, {
    help: "Longest text of an answer, in bytes as it is sent; llama-server is stopped beyond",
    group: "Limits",
  }),
  maxBufferedBytes: setting(integer({ min: 65_536 }), 268_435_456, {
    help: "Bytes of request bodies and of answers kept for clients in the whole process, 503 beyond",
    group: "Limits",
  }),
  maxHeaderCount: setting(integer({ max: 1_000 }), 100, {
    help: "Headers that a request may have; 0: no limit",
    group: "Limits",
  }),
  maxPathLength: setting(integer({ max: 65_536 }), 2_048, {
    help: "Characters that a request's path and query may have together; 0: no limit",
    group: "Limits",
  }),
  maxJsonDepth: setting(integer({ min: 1, max: 1_000 }), 32, {
    help: "Levels to which arrays and objects of a request body may be nested",
    group: "Limits",
  }),
  maxConcurrentRequests: setting(integer({ max: 1_000_000 }), 4_096, {
    help: "Requests at once in the whole process, 503 beyond; 0: no limit",
    group: "Limits",
  }),
  maxInflightPerClient: setting(integer({ max: 1_000_000 }), 0, {
    help: "Inferences at once for one API key, else for one remote address; 0: no limit",
    group: "Limits",
  }),

  allowMediaUrls: setting(boolean, false, {
    help: "Let llama-server fetch pictures and sounds by http(s) address, from its own network",
    group: "Access",
  }),
  apiKeyFile: optional(path("file"), {
    help: "File of the keys that clients may use, one a line; lines that begin with # are skipped",
    example: "/etc/modeld/api-keys",
    group: "Access",
  }),
  apiKeys: setting(secrets, [], {
    help: "Keys that clients may use, by comma; added to those of the file",
    example: ["sk-one", "sk-two"],
    group: "Access",
    flag: null,
    key: null,
    refusesEmpty: true,
    defaultNote: "no key is asked for",
  }),
  allowedHosts: setting(hostNames, [], {
    help: "Host names that clients may use, where modeld listens on loopback without keys; * is any",
    example: ["modeld.example"],
    group: "Access",
    defaultNote: "addresses, localhost and names under .localhost, .local and .internal",
  }),
  trustedProxies: setting(networks, [], {
    help: "Networks of proxies whose X-Forwarded-For or Forwarded says who the client is",
    example: ["127.0.0.1/32", "10.0.0.0/8"],
    group: "Access",
    defaultNote: "no proxy",
  }),

  logLevel: setting(choice("off", "error", "warn", "info", "debug"), "info", {
    help: "What to log, to stderr; prompts and tokens only at debug",
    group: "Logs and events",
  }),
  logFormat: setting(choice("auto", "text", "json"), "auto", {
    help: "Form of the log; auto: text on a terminal, JSON lines otherwise",
    group: "Logs and events",
  }),
  events: setting(boolean, false, {
    help: "Write lifecycle events (loads, unloads, server lost and found) as JSON lines to stdout",
    group: "Logs and events",
  }),

  preflight: setting(choice("fail", "warn", "off"), "fail", {
    help: "Check llama-server at start: fail (exit 1 if a check fails), warn (serve all the same) or off",
    group: "Start",
  }),
  preflightWait: setting(duration({ zero: "one try" }), 0, {
    help: "Keep trying this long while llama-server is starting or loading; 0: one try",
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
