import { help } from "../../src/config/help.ts";
import type { Setting } from "../../src/config/setting.ts";
import { settingNames, settingsTable } from "../../src/config/settings_table.ts";
import { printConfig } from "../../src/config/show.ts";
import { jsonExample, tomlExample, yamlExample } from "../../tools/docs/config_examples.ts";
import { configSchema } from "../../tools/docs/config_schema.ts";
import { configure, problemsOf, withFile } from "./configure.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse as parseYaml } from "yaml";

const all: readonly Setting<unknown>[] = settingNames.map((name) => settingsTable[name]);
const validate = new Ajv2020().compile(JSON.parse(configSchema()));

for (const [extension, example] of [[".yaml", yamlExample], [".toml", tomlExample], [".json", jsonExample]] as const) {
  Deno.test(`the ${extension} example changes nothing but llama_url`, async () => {
    await withFile(extension, example(), async (path) => {
      const { settings } = await configure({ args: ["--config", path] });
      const { settings: defaults } = await configure({});
      assertEquals<unknown>({ ...settings }, { ...defaults, config: path, llamaUrl: ["http://127.0.0.1:8081/"] });
    });
  });
}

for (const [extension, example] of [[".yaml", yamlExample], [".toml", tomlExample]] as const) {
  Deno.test(`every line that is commented out in the ${extension} example is fine once it counts`, async () => {
    const text = example().replaceAll(/^#(?=[a-z_]+( =|:) )/gm, "");
    await withFile(extension, text, async (path) => {
      const problems = await problemsOf({ args: ["--config", path] });
      // The files and keys of the example are not on this machine; nothing else is wrong with it.
      assertEquals(problems.filter((problem) => !problem.includes("does not exist")), [
        "llama_api_key and llama_api_key_file are both set in the config file: keep one of them",
      ]);
    });
  });
}

Deno.test("the example of a team is as the loader and the schema want it", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/config-examples/team.yaml", import.meta.url));
  assertEquals([validate(parseYaml(text)), validate.errors], [true, null]);
  const folder = await Deno.makeTempDir({ prefix: "modeld_team_" });
  try {
    // Each file that it names is one with a key of its own.
    const written = text.replaceAll(/\/etc\/modeld\/(\w+)\/(\w+)/g, (_, kind, name) => {
      Deno.writeTextFileSync(`${folder}/${kind}-${name}`, `sk-${kind}-${name}\n`, { mode: 0o600 });
      return `${folder}/${kind}-${name}`;
    });
    await withFile(".yaml", written, async (path) => {
      const { clients, servers, warnings } = await configure({ args: ["--config", path] });
      assertEquals(clients.map(({ name }) => name), ["chat", "ada", "grace", "nightly", "operator"]);
      assertEquals([servers.length, warnings], [2, []]);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the schema knows exactly the keys that the loader knows", () => {
  const keys = Object.keys(JSON.parse(configSchema()).properties);
  assertEquals(
    keys.toSorted(),
    ["$schema", "clients", "servers", ...all.flatMap(({ key }) => key === undefined ? [] : [key])].toSorted(),
  );
});

for (
  const values of [
    { llama_url: "http://h:1", max_wait: "1m30s", events: true, cors_allowed_origins: ["http://a"], max_inflight: 2 },
    { clients: [{ name: "a", key: "k", weight: 0.5, priority: "batch", models: ["q*"], max_wait: "1m" }] },
    { llama_url: ["http://h:1", "http+dns://h:1"] },
    { servers: [{ url: "http://h:1" }, { name: "b", url: "https://h:2/p", vram_budget_mb: 9, vram_margin_mb: 1 }] },
    { max_wait: 0, addr: "[::1]:80", preflight: "off", llama_api_key: "sk", $schema: "x" },
  ]
) {
  Deno.test(`schema and loader both take ${JSON.stringify(values)}`, async () => {
    assert(validate(values));
    await withFile(".json", JSON.stringify(values), async (path) => {
      assertEquals(await problemsOf({ args: ["--config", path] }), []);
    });
  });
}

for (
  const values of [
    { adr: "x" },
    { addr: "8080" },
    { clients: { name: "a", key: "k" } },
    { clients: [{ name: "a" }] },
    { clients: [{ key: "k" }] },
    { clients: [{ name: "a b", key: "k" }] },
    { clients: [{ name: "a", key: "k", key_file: "/f" }] },
    { clients: [{ name: "a", key: "k", weight: 0 }] },
    { clients: [{ name: "a", key: "k", wieght: 1 }] },
    { llama_url: ["http://h:1", "ftp://h"] },
    { servers: { url: "http://h:1" } },
    { servers: [{ name: "a" }] },
    { servers: [{ url: "http://h:1", name: "a b" }] },
    { servers: [{ url: "ftp://h" }] },
    { servers: [{ url: "http://h:1", vram_budget: 1 }] },
    { max_wait: 30 },
    { max_wait: "30" },
    { drain_timeout: 0 },
    { max_inflight: "2" },
    { max_inflight: -1 },
    { max_body_bytes: 0 },
    { events: "true" },
    { preflight: "on" },
    { llama_url: "ftp://h" },
    { llama_api_key: "two words" },
    { cors_allowed_origins: "a" },
    { cors_allowed_origins: ["https://a/"] },
    { cors_allowed_methods: ["GET,POST"] },
    { cors_allowed_headers: ["X Own"] },
  ]
) {
  Deno.test(`schema and loader both refuse ${JSON.stringify(values)}`, async () => {
    assertEquals(validate(values), false);
    await withFile(".json", JSON.stringify(values), async (path) => {
      assertEquals((await problemsOf({ args: ["--config", path] })).length, 1);
    });
  });
}

const printed = {
  args: ["--llama-url=http://h:1", "--max-wait", "90s", "--default-model", 'a "b" # c', "--llama-ctx=5"],
  env: {
    LLAMA_API_KEY: "sk-never-shown",
    MODELD_API_KEYS: "sk-nor-this,sk-nor-that",
    MODELD_CORS_ORIGINS: "https://a",
  },
};

Deno.test("--print-config prints YAML that gives the same settings, secrets apart", async () => {
  const before = await configure(printed);
  await withFile(".yaml", printConfig(before), async (path) => {
    const after = await configure({ args: ["--config", path] });
    assertEquals<unknown>({ ...after.settings }, {
      ...before.settings,
      config: path,
      llamaApiKey: undefined,
      apiKeys: [],
    });
  });
});

Deno.test("--print-config says where each value came from and never shows a secret", async () => {
  const text = printConfig(await configure(printed));
  assertMatch(text, /^max_wait: "1m30s" +# flag --max-wait$/m);
  assertMatch(text, /^addr: "127\.0\.0\.1:8080" +# default$/m);
  assertMatch(text, /^cors_allowed_origins: \["https:\/\/a"\] +# variable MODELD_CORS_ORIGINS$/m);
  assertMatch(text, /^# llama_api_key: \*\*\* +# variable LLAMA_API_KEY$/m);
  assertMatch(text, /^# api_keys: \*\*\* +# variable MODELD_API_KEYS$/m);
  assertEquals(text.includes("sk-"), false);
  const values: Record<string, unknown> = parseYaml(text);
  assertEquals(values["default_model"], 'a "b" # c');
});

Deno.test("--help names every flag, variable and key", () => {
  const text = help();
  for (const { flag, variables, key, deprecated } of all) {
    const names = [flag, ...variables, ...(deprecated === undefined && key !== undefined ? [`key ${key}`] : [])];
    for (const name of names) if (name !== undefined) assertStringIncludes(text, name);
  }
});

Deno.test("each setting has one line of help, and names of its own", () => {
  for (const { help } of all) assertMatch(help, /^[A-Z][^\n]*[^.\n]$/);
  const names = all.flatMap(({ flag, key, variables }) =>
    [flag, key, ...variables].filter((name) => name !== undefined)
  );
  assertEquals(names.length, new Set(names).size);
});
