import { assertEquals } from "@std/assert";
import { stringify as toToml } from "smol-toml";
import { stringify as toYaml } from "yaml";
import type { Setting } from "../../src/config/setting.ts";
import { type SettingName, settingNames, type Settings, settingsTable } from "../../src/config/settings_table.ts";
import { configure, withFile } from "./configure.ts";

/** A value other than the default: as text, as a file holds it, and what it means. */
interface Sample<T> {
  readonly text: string;
  readonly inFile: unknown;
  readonly value: T;
}

const pem = "-----BEGIN CERTIFICATE-----\n";

/** The paths of files that hold a key and a certificate. */
interface Files {
  readonly key: string;
  readonly pem: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
}

const same = <const T>(value: T): Sample<T> => ({ text: String(value), inFile: value, value });
const took = (text: string, value: number): Sample<number> => ({ text, inFile: text, value });
const listed = (...value: string[]): Sample<readonly string[]> => ({ text: value.join(", "), inFile: value, value });

function samples(files: Files): { readonly [N in Exclude<SettingName, "config">]: Sample<Settings[N]> } {
  return {
    addr: { text: "[::1]:81", inFile: "[::1]:81", value: { hostname: "::1", port: 81 } },
    metricsAddr: { text: ":9090", inFile: ":9090", value: { hostname: "0.0.0.0", port: 9090 } },
    metricsAliases: same("vllm"),
    tlsCertFile: same(files.tlsCert),
    tlsKeyFile: same(files.tlsKey),
    corsEnabled: same(true),
    corsOrigins: listed("https://a.example", "https://b.example"),
    corsMethods: listed("GET"),
    corsHeaders: listed("X-One", "X-Two"),
    llamaUrl: {
      text: "https://h:1/p,http://i:2/",
      inFile: ["https://h:1/p", "http://i:2"],
      value: ["https://h:1/p", "http://i:2/"],
    },
    llamaApiKey: same("sk-direct"),
    llamaApiKeyFile: same(files.key),
    llamaCaFile: same(files.pem),
    llamaUseOpenai: same(false),
    llamaChat: same(true),
    modelsDir: { text: "~/m", inFile: "~/m", value: "/home/joe/m" },
    defaultModel: same("qwen3"),
    vramBudgetMb: same(4096),
    vramMarginMb: same(64),
    aliases: { text: "gpt-4o=qwen3", inFile: { "gpt-4o": "qwen3" }, value: { "gpt-4o": "qwen3" } },
    v1Timeout: took("20m", 1_200_000),
    heartbeat: took("5s", 5_000),
    v1MaxBodyBytes: same(1_000_000),
    allowMediaUrls: same(true),
    maxAffinityWait: took("3s", 3_000),
    maxReplicas: same(2),
    maxQueueDepth: same(0),
    maxInflight: same(3),
    priorityAgeing: took("20s", 20_000),
    idleUnload: took("1h30m", 5_400_000),
    maxWait: took("1.5s", 1_500),
    inferTimeout: took("2m", 120_000),
    bodyTimeout: took("300ms", 300),
    writeTimeout: took("1m1s", 61_000),
    llamaTimeout: took("10m", 600_000),
    llamaConnectTimeout: took("250ms", 250),
    llamaFirstTokenTimeout: took("5s", 5_000),
    llamaIdleTimeout: took("7s", 7_000),
    shutdownTimeout: took("20s", 20_000),
    drainTimeout: took("9s", 9_000),
    maxBodyBytes: same(10),
    maxAnswerBytes: same(1_000),
    maxBufferedBytes: same(100_000),
    maxHeaderCount: same(11),
    maxPathLength: same(12),
    maxJsonDepth: same(13),
    maxConcurrentRequests: same(14),
    maxInflightPerClient: same(15),
    apiKeyFile: same(files.key),
    apiKeys: listed("sk-one", "sk-two"),
    allowedHosts: listed("a.example", "b"),
    trustedProxies: listed("10.0.0.0/8", "fd00::/8", "::1"),
    logLevel: same("debug"),
    logFormat: same("json"),
    events: same(true),
    preflight: same("warn"),
    preflightWait: took("90s", 90_000),
    llamaBin: same("/usr/bin/llama"),
    llamaCtx: same(2048),
    llamaThreads: same(4),
  };
}

const writers: Readonly<Record<string, (values: Record<string, unknown>) => string>> = {
  ".yaml": (values) => toYaml(values),
  ".yml": (values) => toYaml(values),
  ".json": (values) => JSON.stringify(values),
  ".toml": (values) => toToml(values),
};

const home = { HOME: "/home/joe", USERPROFILE: "/home/joe" };

const tls = (name: string) => new URL(`../llama/tls/${name}.pem`, import.meta.url).pathname;

async function withKeyFiles(test: (files: Files) => Promise<void>): Promise<void> {
  const files = { tlsCert: tls("server"), tlsKey: tls("server_key") };
  await withFile(".key", "sk-file\n", (key) => withFile(".pem", pem, (pem) => test({ key, pem, ...files })));
}

/** What must be set beside a setting for it to make sense. */
function companion(name: SettingName, { tlsCert, tlsKey }: Files): Record<string, string> {
  if (name === "tlsCertFile") return { MODELD_TLS_KEY_FILE: tlsKey };
  return name === "tlsKeyFile" ? { MODELD_TLS_CERT_FILE: tlsCert } : {};
}

for (const name of settingNames) {
  // Has tests of its own below: it names the file that the others are in.
  if (name === "config") continue;
  const { flag, variables, key, title }: Setting<unknown> = settingsTable[name];

  if (flag !== undefined) {
    Deno.test(`${title} can be set by ${flag}, with one dash or two, with = or without`, async () => {
      await withKeyFiles(async (files) => {
        const { text, value } = samples(files)[name];
        const forms = [[`${flag}=${text}`], [`${flag.slice(1)}=${text}`]];
        if (!settingsTable[name].kind.isBoolean) forms.push([flag, text], [flag.slice(1), text]);
        for (const args of forms) {
          const { settings, sources } = await configure({ args, env: { ...home, ...companion(name, files) } });
          assertEquals<unknown>(settings[name], value);
          assertEquals(sources[name], { from: "flag", name: flag });
        }
      });
    });
  }

  for (const variable of variables) {
    Deno.test(`${title} can be set by ${variable}`, async () => {
      await withKeyFiles(async (files) => {
        const { text, value } = samples(files)[name];
        const { settings, sources } = await configure({
          env: { ...home, ...companion(name, files), [variable]: text },
        });
        assertEquals<unknown>(settings[name], value);
        assertEquals(sources[name], { from: "variable", name: variable });
      });
    });
  }

  if (key === undefined) continue;
  for (const [extension, write] of Object.entries(writers)) {
    Deno.test(`${title} can be set by the key ${key} of a ${extension} file`, async () => {
      await withKeyFiles(async (files) => {
        const { inFile, value } = samples(files)[name];
        await withFile(extension, write({ [key]: inFile }), async (path) => {
          const { settings, sources } = await configure({
            args: ["--config", path],
            env: { ...home, ...companion(name, files) },
          });
          assertEquals<unknown>(settings[name], value);
          assertEquals(sources[name], { from: "file", path, key });
        });
      });
    });
  }
}

for (
  const given of [{ args: (path: string) => ["--config", path] }, { env: (path: string) => ({ MODELD_CONFIG: path }) }]
) {
  Deno.test(`config can be set by ${"args" in given ? "--config" : "MODELD_CONFIG"}`, async () => {
    await withFile(".yml", "max_inflight: 7", async (path) => {
      const { settings } = await configure({ args: given.args?.(path) ?? [], env: given.env?.(path) ?? {} });
      assertEquals([settings.config, settings.maxInflight], [path, 7]);
    });
  });
}

Deno.test("a path in the config file's name may begin with ~", async () => {
  await withFile(".yaml", "max_inflight: 7", async (path) => {
    const folder = path.slice(0, path.lastIndexOf("/"));
    const { settings } = await configure({ args: [`--config=~${path.slice(folder.length)}`], env: { HOME: folder } });
    assertEquals(settings.maxInflight, 7);
  });
});

Deno.test("a boolean flag without a value is true, and takes no value from the next word", async () => {
  const { settings } = await configure({ args: ["--events", "-cors-enabled", "--max-inflight", "2"] });
  assertEquals([settings.events, settings.corsEnabled, settings.maxInflight], [true, true, 2]);
});

Deno.test("every form of an origin is taken, and methods in small letters are those in capitals", async () => {
  const origins = [
    "*",
    "null",
    "https://a",
    "http://localhost:*",
    "https://*.a.example:8443",
    "http://[::1]:3000",
    "app://x",
  ];
  const { settings } = await configure({ args: [`--cors-origins=${origins}`, "--cors-methods=get,Post"] });
  assertEquals<unknown>([settings.corsOrigins, settings.corsMethods], [origins, ["GET", "POST"]]);
});

Deno.test("of a repeated flag the last counts", async () => {
  assertEquals((await configure({ args: ["--max-inflight=1", "-max-inflight", "2"] })).settings.maxInflight, 2);
});

Deno.test("a value may begin with a dash", async () => {
  assertEquals((await configure({ args: ["--llama-api-key", "-sk"] })).settings.llamaApiKey, "-sk");
});

Deno.test("MODELD_DEFAULT_MODEL beats DEFAULT_MODEL", async () => {
  const env = { MODELD_DEFAULT_MODEL: "a", DEFAULT_MODEL: "b" };
  assertEquals((await configure({ env })).settings.defaultModel, "a");
});

Deno.test("an empty variable counts as missing", async () => {
  const { settings, sources } = await configure({
    env: { MODELD_ADDR: "", LLAMA_URL: "", MODELD_DEFAULT_MODEL: "", DEFAULT_MODEL: "b" },
  });
  assertEquals([settings.addr.port, settings.llamaUrl, settings.defaultModel], [8080, [], "b"]);
  assertEquals(sources.addr, { from: "default" });
});

Deno.test("null in a config file counts as missing", async () => {
  await withFile(".yaml", "addr:\nllama_url: null\n", async (path) => {
    const { settings } = await configure({ args: ["--config", path] });
    assertEquals([settings.addr.port, settings.llamaUrl], [8080, []]);
  });
});

for (
  const [extension, text] of [[".yaml", ""], [".json", "{}"], [".toml", "# nothing"], [
    ".yaml",
    "\uFEFFaddr: ':8080'",
  ]] as const
) {
  Deno.test(`a ${extension} file that holds ${JSON.stringify(text)} is fine`, async () => {
    await withFile(extension, text, async (path) => {
      assertEquals((await configure({ args: ["--config", path] })).settings.addr.port, 8080);
    });
  });
}

Deno.test("without a home folder the default models folder is as good as missing, not an error", async () => {
  assertEquals((await configure({})).settings.modelsDir, "~/models/llm");
});

Deno.test("the key for llama-server comes from its file, first line, comments aside", async () => {
  await withFile(".key", "# for llama-server\nsk-file  \r\n", async (path) => {
    const { settings, sources } = await configure({ args: ["--llama-api-key-file", path] });
    assertEquals(settings.llamaApiKey, "sk-file");
    assertEquals(sources.llamaApiKey, { from: "flag", name: "--llama-api-key-file" });
  });
});

Deno.test("a key beats a key file of a lower source, and the other way round", async () => {
  await withFile(".key", "sk-file\n", async (path) => {
    const direct = await configure({ args: ["--llama-api-key=sk-direct"], env: { LLAMA_API_KEY_FILE: path } });
    assertEquals(direct.settings.llamaApiKey, "sk-direct");
    const file = await configure({ args: ["--llama-api-key-file", path], env: { LLAMA_API_KEY: "sk-direct" } });
    assertEquals(file.settings.llamaApiKey, "sk-file");
  });
});

Deno.test("client keys of the file and of the variable add up, each once", async () => {
  await withFile(".keys", "# clients\nsk-a\n\nsk-b\n", async (path) => {
    const { settings } = await configure({ args: ["--api-key-file", path], env: { MODELD_API_KEYS: "sk-b,sk-c" } });
    assertEquals(settings.apiKeys, ["sk-b", "sk-c", "sk-a"]);
  });
});

Deno.test("the certificate authorities come from their file", async () => {
  await withFile(".pem", pem, async (path) => {
    const caCerts = async (...args: string[]) => {
      return (await configure({ args: ["--llama-url=http://h:1", ...args] })).servers.map(({ caCerts }) => caCerts);
    };
    assertEquals(await caCerts("--llama-ca-file", path), [[pem]]);
    assertEquals(await caCerts(), [[]]);
  });
});

for (
  const [written, used] of [["http://h:1/v1", "http://h:1/"], ["http://h:1/llama/v1/", "http://h:1/llama"]] as const
) {
  Deno.test(`an address of llama-server that ends in /v1 (${written}) is used without it, with a notice`, async () => {
    const { settings, warnings } = await configure({ args: [`--llama-url=${written}`] });
    assertEquals(settings.llamaUrl, [used]);
    assertEquals(warnings, [
      `llama_url: "${written}" ends in /v1, which modeld adds by itself: using ${used} (flag --llama-url)`,
    ]);
  });
}

Deno.test("an address of llama-server that only begins with /v1 stays as it is, without a notice", async () => {
  const { settings, warnings } = await configure({ args: ["--llama-url=http://h:1/v1x"] });
  assertEquals([settings.llamaUrl, warnings], [["http://h:1/v1x"], []]);
});
