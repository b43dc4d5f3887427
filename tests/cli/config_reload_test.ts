import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Daemon } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { infer } from "../support/ndjson_client.ts";
import { FakeLlamaHttpServer } from "../support/fake_llama_http_server.ts";

const bearer = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

Deno.test("keys that are rotated while a stream runs leave it alone; the next request needs a new one", async () => {
  const fake = await FakeLlamaHttpServer.start({ tokens: Array(60).fill("x"), tokenDelay: 50 });
  const folder = await Deno.makeTempDir({ prefix: "modeld_keys_" });
  const [config, keys] = [`${folder}/modeld.json`, `${folder}/keys`];
  await Deno.writeTextFile(keys, "sk-old\n");
  const written = JSON.stringify({ clients: [{ name: "chat", key_file: keys }], llama_url: fake.url.href });
  await Deno.writeTextFile(config, written);
  const daemon = await Daemon.start({ args: ["--config", config] });
  try {
    await daemon.ready();
    const stream = await infer(daemon.url, { prompt: "Once" }, bearer("sk-old"));
    assertEquals(stream.status, 200);

    await Deno.writeTextFile(keys, "sk-new\n");
    daemon.process.signal("SIGHUP");
    await daemon.process.line(/the configuration was reloaded/);
    assertEquals((await infer(daemon.url, { prompt: "Once" }, bearer("sk-old"))).status, 401);
    const next = await infer(daemon.url, { prompt: "Once" }, bearer("sk-new"));
    assertEquals([next.status, (await next.last()).done], [200, true]);
    assertEquals((await stream.last()).done, true);

    const metrics = async () => {
      const reply = await fetch(new URL("/metrics", daemon.url), bearer("sk-new"));
      return await reply.text();
    };
    assertStringIncludes(await metrics(), "modeld_config_reload_failed 0");
    // Without a signal, by looking.
    await Deno.writeTextFile(config, "{");
    await daemon.process.line(/the configuration was not reloaded: .*modeld\.json/);
    assertStringIncludes(await metrics(), "modeld_config_reload_failed 1");
    await Deno.writeTextFile(config, written);
    await eventually("the file is right again", async () => (await metrics()).includes("config_reload_failed 0"));
    assert(!daemon.stderr.includes("sk-new"));
  } finally {
    assertEquals(await daemon.stop(), { code: 0, signal: null });
    await fake.close();
    await Deno.remove(folder, { recursive: true });
  }
});
