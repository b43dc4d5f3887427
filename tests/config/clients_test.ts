import { assertEquals, assertMatch } from "@std/assert";
import { startupWarnings } from "../../src/cli/startup_warnings.ts";
import { digestKey, mayUseModel, plainClient } from "../../src/base/client.ts";
import { withoutKeys } from "../../src/config/load.ts";
import { configure, problemsOf, withFile } from "./configure.ts";

const header = "holds a character that no HTTP header can carry: printable ASCII without spaces is allowed";

Deno.test("a client has all that its file says, and its keys as digests only", async () => {
  await withFile(".key", "# this year's\nsk-new\nsk-old\nsk-old\n", async (keys) => {
    const text = `
clients:
  - name: chat
    key_file: ${keys}
    weight: 2.5
    priority: interactive
    max_inflight: 8
    max_queue: 64
    requests_per_minute: 600
    tokens_per_minute: 200000
    models: ["qwen*", gemma]
    admin: true
    max_wait: 1m30s
  - { name: job, key: sk-job }
`;
    await withFile(".yaml", text, async (path) => {
      const { clients } = await configure({ args: ["--config", path] });
      assertEquals(clients, [
        {
          name: "chat",
          digests: [await digestKey("sk-new"), await digestKey("sk-old")],
          weight: 2.5,
          priority: "interactive",
          maxInflight: 8,
          maxQueue: 64,
          requestsPerMinute: 600,
          tokensPerMinute: 200_000,
          models: ["qwen*", "gemma"],
          admin: true,
          maxWait: 90_000,
        },
        plainClient("job", [await digestKey("sk-job")]),
      ]);
    });
  });
});

Deno.test("a digest is the SHA-256 of the key", async () => {
  assertEquals(await digestKey("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

Deno.test("each key that stands alone is a client, numbered from 1", async () => {
  await withFile(".key", "sk-three\n", async (path) => {
    const { clients } = await configure({ args: ["--api-key-file", path], env: { MODELD_API_KEYS: "sk-one,sk-two" } });
    const keys = ["sk-one", "sk-two", "sk-three"];
    assertEquals(
      clients,
      await Promise.all(keys.map(async (key, i) => plainClient(`key-${i + 1}`, [await digestKey(key)]))),
    );
  });
  assertEquals((await configure({})).clients, []);
});

Deno.test("what serves has the digests of keys, and no key", async () => {
  await withFile(".key", "sk-file\n", async (path) => {
    const read = await configure({ args: ["--api-key-file", path], env: { MODELD_API_KEYS: "sk-variable" } });
    assertEquals(read.settings.apiKeys, ["sk-variable", "sk-file"]);
    const served = withoutKeys(read);
    assertEquals(served.clients, read.clients);
    assertEquals(JSON.stringify(served).includes("sk-"), false);
  });
});

Deno.test("a key file may begin with ~", async () => {
  await withFile(".key", "sk-one", async (keys) => {
    const folder = keys.slice(0, keys.lastIndexOf("/"));
    await withFile(".json", `{"clients":[{"name":"a","key_file":"~${keys.slice(folder.length)}"}]}`, async (path) => {
      const env = { HOME: folder, USERPROFILE: folder };
      assertEquals((await configure({ args: ["--config", path], env })).clients.length, 1);
    });
  });
});

const limits = "a whole number from 0 to 2147483647 is allowed";

/** The clients of a config file, and all that is said about them; AT n stands for the place. */
const cases: readonly (readonly [unknown, ...string[]])[] = [
  [{ name: "a" }, "clients: is not a list: write one mapping a client (key clients of FILE)"],
  [["a"], 'clients: "a" is no mapping: write name, key_file and so on (AT 0)'],
  [[{ key: "k" }], "clients: name is missing: give it one (AT 0)"],
  [[{ name: "a" }], "clients: key_file is missing: set it (AT 0)"],
  [[{ name: "a", key: "k", key_file: "f" }], "clients: key and key_file are both set: keep one of them (AT 0)"],
  [
    [{ name: "a b", key: "k" }],
    'clients: name "a b" is no name: letters, digits, dots, dashes and underscores, at most 64, are allowed (AT 0)',
  ],
  [
    [{ name: "other", key: "k" }],
    'clients: name "other" stands for clients without a name: take another one (AT 0)',
  ],
  [[{ name: "a", key: "" }], "clients: key *** is empty: give it a value (AT 0)"],
  [[{ name: "a", key: "sk secret" }], `clients: key *** ${header} (AT 0)`],
  [[{ name: "a", key: 1234 }], "clients: key *** is not a text (AT 0)"],
  [[{ name: "a", key_file: "/nowhere" }], 'clients: key_file "/nowhere" does not exist (AT 0)'],
  [
    [{ name: "a", key_file: "~joe/k" }],
    'clients: key_file "~joe/k" names another user\'s home folder: write the whole path (AT 0)',
  ],
  [
    [{ name: "a", key: "k" }, { name: "b", key: "l", wieght: 2 }],
    'clients: unknown key "wieght"; did you mean weight? (AT 1)',
  ],
  ...[0, -1, 1_001, "2", Infinity].map((weight) =>
    [
      [{ name: "a", key: "k", weight }],
      `clients: weight ${
        typeof weight === "string" ? `"${weight}"` : weight
      } is no weight: a number above 0, at most 1000, is allowed (AT 0)`,
    ] as const
  ),
  [
    [{ name: "a", key: "k", priority: "urgent" }],
    'clients: priority "urgent" is not known: one of interactive, default, batch is allowed (AT 0)',
  ],
  [
    [{ name: "a", key: "k", max_inflight: -1, max_queue: 1.5 }],
    `clients: max_inflight -1 is out of range: ${limits} (AT 0)`,
    `clients: max_queue 1.5 is not a whole number: ${limits}, without quotes (AT 0)`,
  ],
  [[{ name: "a", key: "k", models: [] }], "clients: models [] names no model: leave it out for all (AT 0)"],
  [[{ name: "a", key: "k", models: "qwen*" }], 'clients: models "qwen*" is not an array of texts (AT 0)'],
  [
    [{ name: "a", key: "k", admin: "yes" }],
    'clients: admin "yes" is not a boolean: true or false, without quotes, is allowed (AT 0)',
  ],
  [
    [{ name: "a", key: "k", max_wait: 30 }],
    "clients: max_wait 30 has no unit: write a number with its unit, such as 300ms, 30s, 1m30s or 1h; 0 means no limit (AT 0)",
  ],
  [
    [{ name: "a", key: "k" }, { name: "a", key: "l" }],
    'clients: two are named "a": give each a name of its own (AT 1)',
  ],
  [
    [{ name: "a", key: "k" }, { name: "b", key: "k" }],
    'clients: "b" has a key that "a" has too: give each keys of its own (AT 1)',
  ],
];

for (const [clients, ...problems] of cases) {
  Deno.test(`refused as clients: ${show(clients)}`, async () => {
    await withFile(".yaml", `clients: ${show(clients)}`, async (path) => {
      const said = problems.map((problem) =>
        problem.replace(/AT (\d)/, `clients[$1] of ${path}`).replace("FILE", path).replace(
          "weight null",
          "weight Infinity",
        )
      );
      assertEquals(await problemsOf({ args: ["--config", path] }), said);
    });
  });
}

/** JSON is YAML, but for what only YAML has. */
function show(value: unknown): string {
  return JSON.stringify(value).replace("null", ".inf");
}

for (
  const [text, problem] of [
    ["", "holds no key: at least one line must be one"],
    ["sk-1\nsk 2\n", `holds a key that ${header}`],
  ] as const
) {
  Deno.test(`refused as a client's key_file: ${JSON.stringify(text)}`, async () => {
    await withFile(
      ".key",
      text,
      (keys) =>
        withFile(".yaml", `clients: [{name: a, key_file: ${keys}}]`, async (path) => {
          assertEquals(await problemsOf({ args: ["--config", path] }), [
            `clients: key_file ${JSON.stringify(keys)} ${problem} (clients[0] of ${path})`,
          ]);
        }),
    );
  });
}

Deno.test("a name or key that stands in the list and among those that stand alone is refused", async () => {
  await withFile(".yaml", "clients: [{name: key-1, key: sk-one}, {name: b, key: sk-two}]", async (path) => {
    assertEquals(await problemsOf({ args: ["--config", path], env: { MODELD_API_KEYS: "sk-three,sk-two" } }), [
      'clients: two are named "key-1": give each a name of its own (api_keys)',
      'clients: "key-2" has a key that "b" has too: give each keys of its own (api_keys)',
    ]);
  });
});

const serversWith = (keys: string) => `servers: [{url: "http://127.0.0.1:8081", api_key_file: ${keys}}]`;

Deno.test({
  name: "a key file that every user may read is warned of",
  ignore: Deno.build.os === "windows",
  async fn() {
    await withFile(
      ".key",
      "sk-one",
      (keys) =>
        withFile(".yaml", `clients: [{name: a, key_file: ${keys}}]\n${serversWith(keys)}`, async (path) => {
          const warnings = async () => {
            const found = startupWarnings(await configure({ args: ["--config", path, "--llama-api-key-file", keys] }));
            return found.filter((warning) => warning.includes("every user"));
          };
          assertEquals(await warnings(), []);
          await Deno.chmod(keys, 0o644);
          const [server = "", own = "", client = "", ...more] = await warnings();
          const says = "may be read by every user of this machine: chmod o-r";
          assertMatch(server, new RegExp(`^llama_api_key_file ".*" ${says}`));
          assertMatch(own, new RegExp(`^api_key_file ".*" ${says}.* \\(servers\\[0\\] of `));
          assertMatch(client, new RegExp(`^key_file ".*" ${says}.* \\(clients\\[0\\] of `));
          assertEquals(more, []);
        }),
    );
  },
});

Deno.test("the models of a client are patterns", () => {
  const may = (models: string[], model: string) => mayUseModel({ ...plainClient("a", []), models }, model);
  const taken = [["*", "x"], ["*", ""], ["qwen*", "qwen"], ["qwen*", "qwen3-8b"], ["*b?", "a/b1"], [
    "a*b*c",
    "a-b-b-c",
  ]];
  for (const [pattern = "", model = ""] of taken) assertEquals(may([pattern], model), true, `${pattern} ${model}`);
  const others = [["qwen*", "gwen"], ["qwen", "qwen3"], ["?", ""], ["a*b*c", "a-c-b"], ["a.c", "abc"], ["Q*", "q"]];
  for (const [pattern = "", model = ""] of others) assertEquals(may([pattern], model), false, `${pattern} ${model}`);
  assertEquals(may(["a", "b*"], "bc"), true);
  const begun = performance.now();
  assertEquals(may([`${"*a".repeat(30)}b`], "a".repeat(5_000)), false);
  assertEquals(performance.now() - begun < 1_000, true, "no pattern takes long");
});
