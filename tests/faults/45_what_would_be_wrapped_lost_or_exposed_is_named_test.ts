import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { assertRefused } from "../support/assert_reply.ts";
import { Daemon } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { play } from "./support/scenario.ts";

/** Numbers that llama-server would wrap in silence. */
const BEYOND: readonly (readonly [field: string, value: number, says: string])[] = [
  ["max_tokens", 2 ** 31, "max_tokens must be at most 2147483647"],
  ["max_tokens", 2 ** 32 + 1, "max_tokens must be at most 2147483647"],
  ["seed", 2 ** 32, "seed must be at most 4294967295"],
  ["seed", 2 ** 53, "seed must be at most"],
  ["seed", -(2 ** 31) - 1, "seed must be at least -2147483648"],
];

Deno.test("max_tokens beyond 31 bits and seeds beyond 32 bits are 400 that names the field", async () => {
  await play({ outcomes: { "invalid queue": BEYOND.length }, posts: 0 }, async ({ ask }) => {
    for (const [field, value, says] of BEYOND) {
      await assertRefused(await ask({ [field]: value }), { code: 400, type: "invalid_request", says });
    }
  });
});

Deno.test("the largest max_tokens and seed reach llama-server as they are", async () => {
  await play({ outcomes: { "ok stream": 1 }, posts: 1 }, async ({ llama, ask }) => {
    const request = { max_tokens: 2 ** 31 - 1, seed: 2 ** 32 - 1 };
    assertEquals((await (await ask(request)).last()).done, true);
    const { max_tokens, seed } = JSON.parse(llama.posts.at(-1)?.body ?? "{}");
    assertEquals({ max_tokens, seed }, request);
  });
});

/** Writes files into a folder of their own, which is gone afterwards. */
async function withFolder(
  files: Readonly<Record<string, string | Uint8Array>>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "modeld-faults-" });
  try {
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeFile(
        `${folder}/${name}`,
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      );
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const bytes = (...parts: (string | number)[]): Uint8Array =>
  new Uint8Array(parts.flatMap((part) => typeof part === "string" ? [...new TextEncoder().encode(part)] : [part]));

/** Config files that are refused, and the place that is named. */
const CONFIGS: readonly (readonly [name: string, content: string | Uint8Array, says: string])[] = [
  [
    "doubled.json",
    '{\n  "max_wait": "1s",\n  "max_wait": "2s"\n}\n',
    'has a key twice, "max_wait": look at line 3, column 3',
  ],
  ["doubled.yaml", "max_wait: 1s\nmax_wait: 2s\n", "look at line 2"],
  ["doubled.toml", 'max_wait = "1s"\nmax_wait = "2s"\n', "look at line 2"],
  ["latin1.json", bytes('{\n"default_model": "', 0xe4, '"}'), "is not valid UTF-8: look at line 2"],
  ["latin1.yaml", bytes("max_wait: 1s\n\ndefault_model: ", 0xff, "\n"), "is not valid UTF-8: look at line 3"],
  ["latin1.toml", bytes('default_model = "', 0xc3, '"\n'), "is not valid UTF-8: look at line 1"],
];

for (const [name, content, says] of CONFIGS) {
  Deno.test(`${name}: refused with the place`, async () => {
    await withFolder({ [name]: content }, async (folder) => {
      const modeld = Daemon.spawn({ args: ["--config", `${folder}/${name}`, "--addr", "127.0.0.1:0"] });
      try {
        await modeld.line(new RegExp(says.replaceAll(/[[\]().]/g, "\\$&")));
        assertEquals((await modeld.exited).code, 2);
      } finally {
        await modeld.stop("SIGKILL");
      }
    });
  });
}

Deno.test("a key file that everyone may read is warned of, by its name; one that only its owner may read is not", async () => {
  await withFolder({ open: "sk-open\n", closed: "sk-closed\n" }, async (folder) => {
    await Deno.chmod(`${folder}/open`, 0o644);
    await Deno.chmod(`${folder}/closed`, 0o600);
    const args = ["--preflight=off", "--api-key-file", `${folder}/open`, "--llama-api-key-file", `${folder}/closed`];
    const modeld = await Daemon.start({ args });
    try {
      assertStringIncludes(modeld.stderr, `${folder}/open\\" may be read by every user`);
      assert(!modeld.stderr.includes(`${folder}/closed\\" may be read`), modeld.stderr);
      assert(!modeld.stderr.includes("sk-"), modeld.stderr);
    } finally {
      await modeld.stop();
    }
  });
});

/** As many empty model files as `count` in one folder. */
async function withModels(count: number, test: (folder: string) => Promise<void>): Promise<void> {
  await withFolder({}, async (folder) => {
    for (let index = 0; index < count; index++) Deno.createSync(`${folder}/model-${index}.gguf`).close();
    Deno.writeTextFileSync(`${folder}/tiny.gguf`, "no model, but found");
    await test(folder);
  });
}

Deno.test("a model is found in a folder of 20,000 files", async () => {
  await withModels(20_000, async (folder) => {
    await play(
      { modeld: ["--models-dir", folder], outcomes: { "ok stream": 1 }, posts: 1 },
      async ({ modeld, ask }) => {
        assertEquals((await (await ask()).last()).done, true);
        // The file is none of a model's, which is only seen once it was found.
        await eventually("the file was found", () => modeld.stderr.includes(`${folder}/tiny.gguf`));
        assert(!modeld.stderr.includes("the rest is not looked at"), modeld.stderr);
      },
    );
  });
});

Deno.test("a folder of more than 100,000 files: the limit is said, and modeld serves", async () => {
  await withModels(100_001, async (folder) => {
    await play(
      { modeld: ["--models-dir", folder], outcomes: { "ok stream": 1 }, posts: 1 },
      async ({ modeld, ask }) => {
        assertEquals((await (await ask()).last()).done, true);
        await eventually("the limit is said", () => modeld.stderr.includes("more than 100000 entries"));
      },
    );
  });
});
