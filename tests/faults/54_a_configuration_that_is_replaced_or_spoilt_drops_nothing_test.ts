import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { FakeLlamaHttpServer } from "../support/fake_llama_http_server.ts";
import { withConfigured } from "../support/configured_daemon.ts";

const TOKENS = Array.from({ length: 200 }, (_, i) => ` ${i}`);

Deno.test("streams go on, and the old settings hold, while the configuration is truncated, invalid, removed and replaced", async () => {
  const llama = await FakeLlamaHttpServer.start({ tokens: TOKENS, tokenDelay: 30 });
  const config = (maxWait: string) => ({
    llama_url: llama.url.href,
    max_wait: maxWait,
    clients: [{ name: "chat", key_file: "FOLDER/keys" }],
  });
  const text = JSON.stringify(config("5s"));
  const files = { "modeld.json": config("5s"), keys: "sk-chat\n" };
  try {
    await withConfigured({ files }, async ({ modeld, folder, write, reload, ask, see }) => {
      const served = async (key = "sk-chat") => {
        const reply = await ask(key, { max_tokens: 2 });
        assertEquals([reply.status, (await reply.last()).done], [200, true]);
      };
      const stream = await ask("sk-chat");
      const spoilt: readonly (readonly [string, () => Promise<void>])[] = [
        ["truncated", () => write("modeld.json", text.slice(0, text.length / 2))],
        ["empty", () => write("modeld.json", "")],
        ["without clients", () => write("modeld.json", JSON.stringify({ llama_url: llama.url.href }))],
        ["without servers", () => write("modeld.json", JSON.stringify({ ...config("5s"), llama_url: [] }))],
        ["invalid", () => write("modeld.json", JSON.stringify({ ...config("5s"), max_wait: "soon" }))],
        ["removed", () => Deno.remove(`${folder}/modeld.json`)],
        ["a file of keys that is empty", async () => {
          await write("modeld.json", text);
          await write("keys", "");
        }],
        ["a file of keys that is removed", () => Deno.remove(`${folder}/keys`)],
      ];
      for (const [how, spoil] of spoilt) {
        await spoil();
        assertEquals(await reload(), "failed", how);
        assertStringIncludes(await see("sk-chat", "/metrics"), "modeld_config_reload_failed 1", how);
        await served();
      }
      await write("keys", "sk-new\n");
      await write("new.json", JSON.stringify(config("7s")));
      await Deno.rename(`${folder}/new.json`, `${folder}/modeld.json`);
      assertEquals(await reload(), "reloaded");
      assertStringIncludes(await see("sk-new", "/metrics"), "modeld_config_reload_failed 0");
      await served("sk-new");
      assertEquals((await ask("sk-chat")).status, 401);
      assertEquals((await stream.last()).done, true);
      assertEquals(await stream.content(), TOKENS.join(""));
      assert(!/sk-(chat|new)/.test(modeld.stderr), "a key is in the log");
    });
  } finally {
    await llama.close();
  }
});

Deno.test("a configuration that Kubernetes swaps through symlinks holds within seconds; what runs goes on", async () => {
  const llama = await FakeLlamaHttpServer.start({ tokens: TOKENS, tokenDelay: 30 });
  const mount = async (folder: string, version: string, key: string) => {
    await Deno.mkdir(`${folder}/${version}`);
    await Deno.writeTextFile(`${folder}/${version}/keys`, `${key}\n`);
    const clients = [{ name: "chat", key_file: `${folder}/keys` }];
    await Deno.writeTextFile(
      `${folder}/${version}/mounted.json`,
      JSON.stringify({ llama_url: llama.url.href, clients }),
    );
    await Deno.symlink(version, `${folder}/..data_tmp`);
    await Deno.rename(`${folder}/..data_tmp`, `${folder}/..data`);
  };
  const prepare = async (folder: string) => {
    await mount(folder, "..2026_1", "sk-one");
    for (const name of ["keys", "mounted.json"]) await Deno.symlink(`..data/${name}`, `${folder}/${name}`);
    return "mounted.json";
  };
  try {
    await withConfigured({ files: {}, prepare }, async ({ reloads, folder, ask }) => {
      const stream = await ask("sk-one");
      await mount(folder, "..2026_2", "sk-two");
      await Deno.remove(`${folder}/..2026_1`, { recursive: true });
      await eventually("it is reloaded without a signal", () => reloads().length > 0);
      assertEquals(reloads(), ["reloaded"]);
      assertEquals((await ask("sk-one")).status, 401);
      assertEquals((await (await ask("sk-two", { max_tokens: 2 })).last()).done, true);
      assertEquals((await stream.last()).done, true);
    });
  } finally {
    await llama.close();
  }
});
