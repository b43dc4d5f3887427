import { assertEquals } from "@std/assert";
import { quote } from "../../src/config/problem.ts";
import { type Given, problemsOf, withFile } from "./configure.ts";

const units = "write a number with its unit, such as 300ms, 30s, 1m30s or 1h";
const addresses = "write host:port, such as 127.0.0.1:8080, [::1]:8080 or :8080 for every interface";
const urls = "write http://host:port or https://host:port, with a path where llama-server stands under one";
const header = "holds a character that no HTTP header can carry: printable ASCII without spaces is allowed";
const origins = "write scheme://host or scheme://host:port without a path, with one * for any text where wanted";
const pemFile = (name: string) => new URL(`../llama/tls/${name}.pem`, import.meta.url).pathname;
const upTo = (max: number) => `a whole number from 0 to ${max} is allowed`;

/** What is given on the command line and in the environment, and all that is said about it. */
const textCases: readonly (readonly [Given, ...string[]])[] = [
  // Words that are no flags
  [{ args: ["--adr=:1"] }, 'unknown flag "--adr"; did you mean --addr?'],
  [{ args: ["-lama-url", "http://x"] }, 'unknown flag "--lama-url"; did you mean --llama-url?'],
  [{ args: ["--no-events"] }, 'unknown flag "--no-events"; did you mean --events?'],
  [{ args: ["--quite-another-thing=1"] }, 'unknown flag "--quite-another-thing"'],
  [{ args: ["--llama-apikey=sk-secret"] }, 'unknown flag "--llama-apikey"; did you mean --llama-api-key?'],
  [{ args: ["-5"] }, 'unknown flag "-5"'],
  [{ args: ["--help=perhaps"] }, '--help: "perhaps" is not a boolean: true or false is allowed'],
  // Values that are missing
  [{ args: ["--addr"] }, "addr: no value was given (flag --addr)"],
  [{ args: ["--addr="] }, "addr: no value was given (flag --addr)"],
  [{ args: ["--default-model", ""] }, "default_model: no value was given (flag --default-model)"],
  [{ args: ["--events="] }, "events: no value was given (flag --events)"],
  [{ env: { MODELD_ADDR: "  " } }, 'addr: "  " is empty: give it a value, or unset it (variable MODELD_ADDR)'],
  // Addresses
  [{ args: ["--addr", "8080"] }, `addr: "8080" is not an address: ${addresses} (flag --addr)`],
  [{ args: ["--addr", "http://x:1"] }, `addr: "http://x:1" is not an address: ${addresses} (flag --addr)`],
  [{ args: ["--addr", "::1:80"] }, `addr: "::1:80" is not an address: ${addresses} (flag --addr)`],
  [
    { env: { MODELD_ADDR: "x:65536" } },
    'addr: "x:65536" has a port that does not exist: 0 (any free port) to 65535 is allowed (variable MODELD_ADDR)',
  ],
  // Durations
  [{ args: ["--max-wait", "30"] }, `max_wait: "30" has no unit: ${units}; 0 means no limit (flag --max-wait)`],
  [
    { env: { MODELD_MAX_WAIT: "1.5" } },
    `max_wait: "1.5" has no unit: ${units}; 0 means no limit (variable MODELD_MAX_WAIT)`,
  ],
  [
    { env: { LLAMA_TIMEOUT: "half an hour" } },
    `llama_timeout: "half an hour" is not a duration: ${units}; 0 means none (variable LLAMA_TIMEOUT)`,
  ],
  [
    { args: ["--llama-timeout", "1d"] },
    `llama_timeout: "1d" is not a duration: ${units}; 0 means none (flag --llama-timeout)`,
  ],
  [{ args: ["--llama-timeout", "-1s"] }, `llama_timeout: "-1s" is negative: ${units} (flag --llama-timeout)`],
  [
    { args: ["--llama-connect-timeout", "0"] },
    `llama_connect_timeout: "0" must be more than 0: ${units} (flag --llama-connect-timeout)`,
  ],
  [{ args: ["--drain-timeout=0s"] }, `drain_timeout: "0s" must be more than 0: ${units} (flag --drain-timeout)`],
  [{ args: ["--body-timeout=100us"] }, 'body_timeout: "100us" is too short: 1ms is the shortest (flag --body-timeout)'],
  [{ args: ["--idle-unload=597h"] }, 'idle_unload: "597h" is too long: 596h is the longest (flag --idle-unload)'],
  // What CORS takes
  [
    { args: ["--cors-origins", "https://a.example/"] },
    `cors_allowed_origins: "https://a.example/" holds "https://a.example/", which is no origin: ${origins} ` +
    "(flag --cors-origins)",
  ],
  [
    { env: { MODELD_CORS_ORIGINS: "https://a.example,b.example" } },
    `cors_allowed_origins: "https://a.example,b.example" holds "b.example", which is no origin: ${origins} ` +
    "(variable MODELD_CORS_ORIGINS)",
  ],
  [
    { args: ["--cors-methods=GET;POST"] },
    'cors_allowed_methods: "GET;POST" holds "GET;POST", which is no HTTP method: words such as GET and POST are allowed ' +
    "(flag --cors-methods)",
  ],
  [
    { args: ["--cors-headers=X-Own,X Other"] },
    'cors_allowed_headers: "X-Own,X Other" holds "X Other", which is no name of a header: words such as Content-Type are allowed ' +
    "(flag --cors-headers)",
  ],
  // Numbers
  [
    { args: ["--max-queue-depth", "many"] },
    `max_queue_depth: "many" is not a whole number: ${upTo(100_000)} (flag --max-queue-depth)`,
  ],
  [
    { args: ["--max-inflight", "1.5"] },
    `max_inflight: "1.5" is not a whole number: ${upTo(100_000)} (flag --max-inflight)`,
  ],
  [
    { args: ["--vram-margin-mb", "-5"] },
    `vram_margin_mb: "-5" is out of range: ${upTo(2147483647)} (flag --vram-margin-mb)`,
  ],
  [
    { env: { MODELD_MAX_QUEUE_DEPTH: "100001" } },
    `max_queue_depth: "100001" is out of range: ${upTo(100_000)} (variable MODELD_MAX_QUEUE_DEPTH)`,
  ],
  [
    { args: ["--max-body-bytes", "0"] },
    'max_body_bytes: "0" is out of range: a whole number from 1 to 2147483647 is allowed (flag --max-body-bytes)',
  ],
  // Booleans and words
  [{ args: ["--events=yes"] }, 'events: "yes" is not a boolean: true or false is allowed (flag --events)'],
  [{ env: { LLAMA_CHAT: "on" } }, 'llama_chat: "on" is not a boolean: true or false is allowed (variable LLAMA_CHAT)'],
  [
    { args: ["--log-level", "verbose"] },
    'log_level: "verbose" is not known: one of off, error, warn, info, debug is allowed (flag --log-level)',
  ],
  [
    { env: { MODELD_LOG_FORMAT: "xml" } },
    'log_format: "xml" is not known: one of auto, text, json is allowed (variable MODELD_LOG_FORMAT)',
  ],
  [
    { args: ["-preflight", "on"] },
    'preflight: "on" is not known: one of fail, warn, off is allowed (flag --preflight)',
  ],
  // llama-server's address
  [
    { args: ["--llama-url", "127.0.0.1:81"] },
    `llama_url: "127.0.0.1:81" is not a URL of llama-server: ${urls} (flag --llama-url)`,
  ],
  [
    { env: { LLAMA_URL: "ftp://x" } },
    `llama_url: "ftp://x" is not a URL of llama-server: ${urls} (variable LLAMA_URL)`,
  ],
  [
    { args: ["--llama-url", "http://me:word@x"] },
    'llama_url: "http://***@x" holds credentials, which end up in logs: use llama_api_key_file (--llama-api-key-file) instead (flag --llama-url)',
  ],
  [
    { args: ["--llama-url", "http://x/?key=word"] },
    `llama_url: "http://x/?***" has a query or fragment: ${urls} (flag --llama-url)`,
  ],
  // Secrets
  [{ env: { LLAMA_API_KEY: "sk two" } }, `llama_api_key: "***" ${header} (variable LLAMA_API_KEY)`],
  [{ args: ["--llama-api-key", "-s\nk"] }, `llama_api_key: "***" ${header} (flag --llama-api-key)`],
  [{ env: { MODELD_API_KEYS: "a,b c" } }, `api_keys: "***" ${header} (variable MODELD_API_KEYS)`],
  [
    { env: { MODELD_API_KEYS: "" } },
    'api_keys: "***" is empty: give it a value, or unset it (variable MODELD_API_KEYS)',
  ],
  [
    { env: { MODELD_API_KEYS: " , " } },
    'api_keys: "***" holds no key: at least one is needed (variable MODELD_API_KEYS)',
  ],
  [
    { args: ["--llama-api-key=a", "--llama-api-key-file=/nowhere"] },
    "llama_api_key and llama_api_key_file are both set by flags: keep one of them",
  ],
  // Files that are not there
  [{ args: ["--config", "/nowhere/c.yaml"] }, 'config: "/nowhere/c.yaml" does not exist (flag --config)'],
  [
    { env: { MODELD_CONFIG: "/" } },
    'config: "/" has no known extension: .yaml, .yml, .json, .toml are allowed (variable MODELD_CONFIG)',
  ],
  [
    { args: ["--config", "c.ini"] },
    'config: "c.ini" has no known extension: .yaml, .yml, .json, .toml are allowed (flag --config)',
  ],
  [{ args: ["--llama-ca-file", "/nowhere"] }, 'llama_ca_file: "/nowhere" does not exist (flag --llama-ca-file)'],
  [
    { env: { LLAMA_API_KEY_FILE: "/" } },
    'llama_api_key_file: "/" is a folder, not a file (variable LLAMA_API_KEY_FILE)',
  ],
  [{ args: ["--api-key-file", "/nowhere"] }, 'api_key_file: "/nowhere" does not exist (flag --api-key-file)'],
  [
    { args: ["--models-dir", "~"] },
    'models_dir: "~" needs a home folder, and HOME is not set: write the whole path (flag --models-dir)',
  ],
  [
    { args: ["--models-dir", "~joe/m"] },
    'models_dir: "~joe/m" names another user\'s home folder: write the whole path (flag --models-dir)',
  ],
  // Networks, hosts, certificates
  [
    { args: ["--trusted-proxies", "10.0.0.0/33"] },
    'trusted_proxies: "10.0.0.0/33" holds "10.0.0.0/33", which is no network: write 10.0.0.0/8, fd00::/8 or one address (flag --trusted-proxies)',
  ],
  [
    { args: ["--trusted-proxies", "10.0.0.1,10.1"] },
    'trusted_proxies: "10.0.0.1,10.1" holds "10.1", which is no network: write 10.0.0.0/8, fd00::/8 or one address (flag --trusted-proxies)',
  ],
  [
    { args: ["--allowed-hosts", "https://a"] },
    'allowed_hosts: "https://a" holds "https://a", which is no name of a host: words such as modeld.example, without scheme and port, are allowed (flag --allowed-hosts)',
  ],
  [
    { args: ["--tls-cert-file", "/nowhere"] },
    "tls_cert_file and tls_key_file belong together: set both or neither",
  ],
  [
    { args: ["--tls-cert-file", pemFile("server"), "--tls-key-file", pemFile("ca")] },
    `tls_key_file: ${
      quote(pemFile("ca"))
    } holds no PEM key without passphrase that fits the certificate (flag --tls-key-file)`,
  ],
  [
    { args: ["--tls-cert-file", pemFile("server_key"), "--tls-key-file", pemFile("server_key")] },
    `tls_cert_file: ${
      quote(pemFile("server_key"))
    } holds no certificate: PEM text with BEGIN CERTIFICATE is allowed (flag --tls-cert-file)`,
  ],
  // Together
  [
    { args: ["--vram-budget-mb=100"], env: { MODELD_VRAM_MARGIN_MB: "100" } },
    "vram_margin_mb: 100 leaves nothing of vram_budget_mb 100: make it smaller",
  ],
  [{ args: ["--llama-ctx", "big"] }, `llama_ctx: "big" is not a whole number: ${upTo(2147483647)} (flag --llama-ctx)`],
  [
    { args: ["--adr=1", "--addr=2"], env: { LLAMA_TIMEOUT: "5", LLAMA_URL: "x" } },
    'unknown flag "--adr"; did you mean --addr?',
    `addr: "2" is not an address: ${addresses} (flag --addr)`,
    `llama_url: "x" is not a URL of llama-server: ${urls} (variable LLAMA_URL)`,
    `llama_timeout: "5" has no unit: ${units}; 0 means none (variable LLAMA_TIMEOUT)`,
  ],
];

for (const [given, ...problems] of textCases) {
  Deno.test(`refused: ${describe(given)}`, async () => {
    assertEquals(await problemsOf(given), problems);
  });
}

/** A config file's extension and text, and all that is said about it; FILE is its path. */
const fileCases: readonly (readonly [string, string, string])[] = [
  [".yaml", "adr: x", 'unknown key "adr" in FILE; did you mean addr?'],
  [".yaml", "llama-url: http://x", 'unknown key "llama-url" in FILE; did you mean llama_url?'],
  [".json", '{"zzzzzzzzzzzz": 1}', 'unknown key "zzzzzzzzzzzz" in FILE'],
  [".yaml", "config: other.yaml", 'unknown key "config" in FILE'],
  [".yaml", "max_wait: 30", `max_wait: 30 has no unit: ${units}; 0 means no limit (key max_wait of FILE)`],
  [".yaml", "max_wait: [1]", `max_wait: [1] is not a duration: ${units} (key max_wait of FILE)`],
  [
    ".toml",
    "max_inflight = 1.5",
    `max_inflight: 1.5 is not a whole number: ${upTo(100_000)}, without quotes (key max_inflight of FILE)`,
  ],
  [
    ".json",
    '{"max_inflight": "2"}',
    `max_inflight: "2" is not a whole number: ${upTo(100_000)}, without quotes (key max_inflight of FILE)`,
  ],
  [
    ".yaml",
    "events: 'true'",
    'events: "true" is not a boolean: true or false, without quotes, is allowed (key events of FILE)',
  ],
  [
    ".toml",
    "cors_allowed_origins = 'a,b'",
    'cors_allowed_origins: "a,b" is not an array of texts (key cors_allowed_origins of FILE)',
  ],
  [
    ".yaml",
    "cors_allowed_methods: [GET, 1]",
    'cors_allowed_methods: ["GET",1] is not an array of texts (key cors_allowed_methods of FILE)',
  ],
  [".yaml", "addr: 8080", `addr: 8080 is not a text: ${addresses} (key addr of FILE)`],
  [".yaml", "llama_url: 1", `llama_url: *** is not a text or an array of texts: ${urls} (key llama_url of FILE)`],
  [".yaml", "llama_api_key: 123456", "llama_api_key: *** is not a text (key llama_api_key of FILE)"],
  [".yaml", "llama_api_key: two words", `llama_api_key: "***" ${header} (key llama_api_key of FILE)`],
  [".yaml", "default_model: {a: b}", 'default_model: {"a":"b"} is not a text (key default_model of FILE)'],
  [".yaml", "- a\n- b", 'config: "FILE" is no mapping of settings to values (flag --config)'],
  [
    ".yaml",
    "addr: :1\naddr: :2",
    'config: "FILE" is not valid YAML, duplicated mapping key: look at line 2, column 1 (flag --config)',
  ],
  [
    ".yaml",
    "addr: *missing",
    'config: "FILE" is not valid YAML, unidentified alias: look at line 1, column 8 (flag --config)',
  ],
  [
    ".yaml",
    `cors_allowed_origins: [&a x${", *a".repeat(21)}]`,
    'config: "FILE" is not valid YAML, aliases exceeded maxAliases (20): look at line 1, column 111 (flag --config)',
  ],
  [
    ".yaml",
    "llama_api_key: !sk-x 1",
    'config: "FILE" is not valid YAML, unknown scalar tag: look at line 1, column 16 (flag --config)',
  ],
  [".yaml", "addr: ':1'\n---\naddr: ':2'", 'config: "FILE" holds more than one YAML document (flag --config)'],
  [
    ".json",
    '{"llama_api_key": "sk-secret",,}',
    'config: "FILE" is not valid JSON: look at line 1, column 31 (flag --config)',
  ],
  [".json", "{addr: 1}", 'config: "FILE" is not valid JSON (flag --config)'],
  [
    ".toml",
    "addr = ':1'\nllama_api_key = sk-secret",
    'config: "FILE" is not valid TOML: look at line 2, column 17 (flag --config)',
  ],
  [
    ".yaml",
    "log_level: loud\nevents: 1",
    [
      "events: 1 is not a boolean: true or false, without quotes, is allowed (key events of FILE)",
      'log_level: "loud" is not known: one of off, error, warn, info, debug is allowed (key log_level of FILE)',
    ].join("\n"),
  ],
];

for (const [extension, text, problems] of fileCases) {
  Deno.test(`refused in a ${extension} file: ${text.replaceAll("\n", "; ")}`, async () => {
    await withFile(extension, text, async (path) => {
      const found = await problemsOf({ args: ["--config", path] });
      assertEquals(found.toSorted(), problems.replaceAll("FILE", path).split("\n"));
    });
  });
}

/** The setting that names a file, the file's text, and what is said about it. */
const keyFileCases: readonly (readonly [string, string, string])[] = [
  ["llama_api_key_file", "", "holds no key: its first line must be one"],
  ["llama_api_key_file", "# a comment\n\n", "holds no key: its first line must be one"],
  ["llama_api_key_file", "sk-1\nsk-2\n", "holds more than one line: a single key is allowed"],
  ["llama_api_key_file", "sk-ä\n", `holds a key that ${header}`],
  ["api_key_file", "# none yet\n", "holds no key: at least one line must be one"],
  ["api_key_file", "good\nnot good\n", `holds a key that ${header}`],
  ["llama_ca_file", "-----BEGIN PRIVATE KEY-----", "holds no certificate: PEM text with BEGIN CERTIFICATE is allowed"],
];

for (const [title, text, problem] of keyFileCases) {
  Deno.test(`refused as ${title}: ${JSON.stringify(text)}`, async () => {
    await withFile(".txt", text, async (path) => {
      const flag = `--${title.replaceAll("_", "-")}`;
      assertEquals(await problemsOf({ args: [flag, path] }), [`${title}: "${path}" ${problem} (flag ${flag})`]);
    });
  });
}

Deno.test("a wrong value is shortened, however long it is", async () => {
  const [problem = ""] = await problemsOf({ args: ["--log-level", "x".repeat(10_000)] });
  assertEquals(problem.startsWith(`log_level: "${"x".repeat(80)}..." is not known`), true);
});

function describe({ args = [], env = {} }: Given): string {
  return [...Object.entries(env).map(([name, value]) => `${name}=${JSON.stringify(value)}`), ...args].join(" ");
}
