import { urlAt } from "../../src/config/llama_url.ts";
import type { ServerConfig } from "../../src/config/servers.ts";
import { printConfig } from "../../src/config/show.ts";
import { configure, type Given, problemsOf, withFile } from "./configure.ts";
import { assertEquals, assertStringIncludes } from "@std/assert";

const urls = "write http://host:port or https://host:port, with a path where llama-server stands under one";
const plain = { apiKey: undefined, caCerts: [], vramBudgetMb: 0, vramMarginMb: 0 };
const pem = "-----BEGIN CERTIFICATE-----\n";

/** The servers of a configuration, without what the file says. */
async function serversOf(given: Given): Promise<readonly Omit<ServerConfig, "written">[]> {
  return (await configure(given)).servers.map(({ written: _, ...server }) => server);
}

for (
  const [how, given] of [
    ["given several times", { args: ["--llama-url=http://a:1", "--llama-url", "http://b:2"] }],
    ["by comma", { args: ["--llama-url=http://a:1, http://b:2"] }],
    ["in the variable", { env: { LLAMA_URL: "http://a:1,http://b:2" } }],
  ] as const
) {
  Deno.test(`--llama-url ${how} names several servers, in order`, async () => {
    assertEquals(await serversOf(given), [
      { ...plain, name: "server-1", url: "http://a:1/" },
      { ...plain, name: "server-2", url: "http://b:2/" },
    ]);
  });
}

Deno.test("a list in the config file names several servers, a single text one", async () => {
  for (const [value, count] of [['["http://a:1", "http://b:2"]', 2], ['"http://a:1"', 1], ["[]", 0]] as const) {
    await withFile(".yaml", `llama_url: ${value}\n`, async (path) => {
      assertEquals((await serversOf({ args: ["--config", path] })).length, count);
    });
  }
});

Deno.test("what a server is not given is taken from the settings", async () => {
  await withFile(".key", "sk-own\n", (key) =>
    withFile(".pem", pem, async (ca) => {
      const text = `
servers:
  - url: http://a:1
  - {name: big, url: "https://b:2/llama", api_key_file: ${key}, ca_file: ${ca}, vram_budget_mb: 9, vram_margin_mb: 1}
llama_api_key: sk-common
vram_budget_mb: 5
`;
      await withFile(".yaml", text, async (path) => {
        assertEquals(await serversOf({ args: ["--config", path] }), [
          { ...plain, name: "server-1", url: "http://a:1/", apiKey: "sk-common", vramBudgetMb: 5 },
          { name: "big", url: "https://b:2/llama", apiKey: "sk-own", caCerts: [pem], vramBudgetMb: 9, vramMarginMb: 1 },
        ]);
      });
    }));
});

Deno.test("an address of http+dns stands for every address of its name", async () => {
  const { servers } = await configure({ args: ["--llama-url=HTTP+DNS://Llama:8081/p/v1"] });
  const url = servers[0]?.url ?? "";
  assertEquals(url, "http+dns://llama:8081/p");
  assertEquals(["10.0.0.7", "fd00::7"].map((address) => urlAt(url, address)), [
    "http://10.0.0.7:8081/p",
    "http://[fd00::7]:8081/p",
  ]);
});

const wrongTexts: readonly (readonly [string, string])[] = [
  [",", `holds no address: ${urls}`],
  ["http://a:1,b", `holds "b", which is not a URL of llama-server: ${urls}`],
  ["http://a:1,http://a:1/", 'holds "http://a:1/" twice: name each llama-server once'],
  [
    "https+dns://a:1",
    "asks for a certificate, which does not fit an address: write http+dns://host:port, or https://host:port",
  ],
  ["http+dns://10.0.0.7:1", "has an address where http+dns:// wants a name: write http://10.0.0.7:1/"],
  ["http+dns://[::1]:1", "has an address where http+dns:// wants a name: write http://[::1]:1/"],
];

for (const [text, problem] of wrongTexts) {
  Deno.test(`--llama-url=${text} is refused with what to write instead`, async () => {
    assertEquals(await problemsOf({ args: [`--llama-url=${text}`] }), [
      `llama_url: "${text}" ${problem} (flag --llama-url)`,
    ]);
  });
}

/** Servers of a file in YAML, and all that is said about them; `FILE` stands for its path. */
const wrongServers: readonly (readonly [string, ...string[]])[] = [
  ["servers: http://a:1", "servers: is not a list: write one mapping a server (key servers of FILE)"],
  ["servers: [http://a:1]", 'servers: "http://a:1" is no mapping: write url, name and so on (servers[0] of FILE)'],
  ["servers: [{name: a}]", "servers: url is missing: give it one (servers[0] of FILE)"],
  ["servers: [{url: ''}]", 'servers: url "" is empty: give it a value (servers[0] of FILE)'],
  [
    "servers: [{url: 'http://joe:pw@a'}]",
    'servers: url "http://***@a" holds credentials, which end up in logs: use llama_api_key_file (--llama-api-key-file) ' +
    "instead (servers[0] of FILE)",
  ],
  [
    "servers: [{url: 'http://a:1', api_keyfile: sk}]",
    'servers: unknown key "api_keyfile"; did you mean api_key_file? (servers[0] of FILE)',
  ],
  [
    "servers: [{url: 'http://a:1', name: a/b}]",
    'servers: name "a/b" is no name: letters, digits, dots, dashes and underscores, at most 64, are allowed (servers[0] of FILE)',
  ],
  [
    "servers: [{url: 'http://a:1', name: a}, {url: 'http://b:1', name: a}]",
    'servers: two are named "a": give each a name of its own (servers[1] of FILE)',
  ],
  [
    "servers: [{url: 'http://a:1', name: server-2}, {url: 'http://b:1'}]",
    'servers: two are named "server-2": give each a name of its own (servers[1] of FILE)',
  ],
  [
    "servers: [{url: 'http://a:1'}, {url: 'http://a:1/'}]",
    'servers: "server-2" has the url of "server-1": name each llama-server once (servers[1] of FILE)',
  ],
  [
    "servers: [{url: 'http://a:1', api_key_file: /no/such}]",
    'servers: api_key_file "/no/such" does not exist (servers[0] of FILE)',
  ],
  [
    "servers: [{url: 'http://a:1', vram_budget_mb: 5, vram_margin_mb: 5}]",
    "servers: vram_margin_mb 5 leaves nothing of vram_budget_mb 5: make it smaller (servers[0] of FILE)",
  ],
  [
    "{servers: [{url: 'http://a:1'}], llama_url: 'http://b:1'}",
    "llama_url (key llama_url of FILE) and servers (key servers of FILE) are both set: keep one of them",
  ],
];

for (const [text, ...problems] of wrongServers) {
  Deno.test(`${text} is refused with the place and what to do`, async () => {
    await withFile(".yaml", `${text}\n`, async (path) => {
      const found = await problemsOf({ args: ["--config", path] });
      assertEquals(found.map((problem) => problem.replaceAll(path, "FILE")), problems);
    });
  });
}

Deno.test("servers of the file and --llama-url exclude each other", async () => {
  await withFile(".yaml", "servers: [{url: 'http://a:1'}]\n", async (path) => {
    assertEquals(await problemsOf({ args: ["--config", path, "--llama-url=http://b:1"] }), [
      `llama_url (flag --llama-url) and servers (key servers of ${path}) are both set: keep one of them`,
    ]);
  });
});

Deno.test("--print-config prints the servers so that they can be read again", async () => {
  const text = "servers: [{url: 'http://a:1', name: a, vram_budget_mb: 7}, {url: 'http+dns://b:1'}]\n";
  await withFile(".yaml", text, async (path) => {
    const before = await configure({ args: ["--config", path] });
    const printed = printConfig(before);
    assertStringIncludes(printed, `key servers of ${path}`);
    await withFile(".yaml", printed, async (copy) => {
      assertEquals((await configure({ args: ["--config", copy] })).servers, before.servers);
    });
  });
});
