import { assertEquals, assertRejects } from "@std/assert";
import { ModelFiles } from "../../src/upstream/model_files.ts";
import { RawGguf } from "./gguf/raw_gguf.ts";

const STRING = 8;
const FILE = RawGguf.header(1).string("general.architecture").u32(STRING).string("llama").build();

/** A folder with these files, each a small GGUF file unless it is said otherwise. */
async function withFolder(
  files: Readonly<Record<string, Uint8Array>>,
  test: (files: ModelFiles, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [path, bytes] of Object.entries(files)) {
      await Deno.mkdir(`${folder}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeFile(`${folder}/${path}`, bytes);
    }
    await test(new ModelFiles(folder), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The sizes found for models of these ids, or of these paths on the server. */
async function sizes(files: ModelFiles, ...names: readonly string[]): Promise<readonly (number | undefined)[]> {
  const models = names.map((name) => ({ id: name, aliases: [], state: "unloaded" as const, path: name }));
  return (await files.addFacts(models, new AbortController().signal)).map(({ file }) => file?.sizeBytes);
}

Deno.test("a file is found by the name in the server's path, in the folder and in folders below", async () => {
  await withFolder({ "a.gguf": FILE, "below/b.gguf": FILE }, async (files) => {
    const found = await sizes(files, "/elsewhere/a.gguf", "b", "c");
    assertEquals(found, [FILE.length, FILE.length, undefined]);
  });
});

Deno.test("of files of the same name the one in the same folder counts", async () => {
  const longer = new Uint8Array([...FILE, 0]);
  await withFolder({ "one/m.gguf": FILE, "two/m.gguf": longer }, async (files) => {
    assertEquals(await sizes(files, "/srv/two/m.gguf", "/srv/one/m.gguf"), [longer.length, FILE.length]);
  });
});

Deno.test("the parts of a split model count together", async () => {
  const parts = { "m-00001-of-00002.gguf": FILE, "m-00002-of-00002.gguf": new Uint8Array(1_000) };
  await withFolder(parts, async (files) => {
    assertEquals(await sizes(files, "m", "/srv/m-00001-of-00002.gguf"), [FILE.length + 1_000, FILE.length + 1_000]);
  });
});

Deno.test("a hostile file leaves its model unknown and the others known", async () => {
  await withFolder(
    { "bad.gguf": new TextEncoder().encode("GGUF but not really a model"), "m.gguf": FILE },
    async (files) => {
      assertEquals(await sizes(files, "bad", "m"), [undefined, FILE.length]);
    },
  );
});

Deno.test("nothing outside the folder is opened, whatever path the server gives", async () => {
  await withFolder({ "outside.gguf": FILE }, async (_, folder) => {
    await Deno.mkdir(`${folder}/models`);
    const files = new ModelFiles(`${folder}/models`);
    assertEquals(await sizes(files, `${folder}/outside.gguf`, "../outside.gguf"), [undefined, undefined]);
  });
});

Deno.test("a folder that does not exist is no error", async () => {
  assertEquals(await sizes(new ModelFiles("/does/not/exist"), "m"), [undefined]);
});

Deno.test("a file is read once, and anew after it was forgotten", async () => {
  await withFolder({ "m.gguf": FILE }, async (files, folder) => {
    assertEquals(await sizes(files, "m"), [FILE.length]);
    await Deno.writeFile(`${folder}/m.gguf`, new Uint8Array([...FILE, 0]));
    assertEquals(await sizes(files, "m"), [FILE.length]);
    files.forget();
    assertEquals(await sizes(files, "m"), [FILE.length + 1]);
  });
});

Deno.test("a poll that has ended does not wait for a models folder that hangs", async () => {
  const readDir = Deno.readDir;
  Deno.readDir = () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) });
  try {
    const controller = new AbortController();
    const files = new ModelFiles("/on/a/network");
    const facts = files.addFacts([{ id: "m", aliases: [], state: "loaded" }], controller.signal);
    controller.abort(new Error("the poll has ended"));
    await assertRejects(() => facts, Error, "the poll has ended");
  } finally {
    Deno.readDir = readDir;
  }
});
