import { assert, assertEquals } from "@std/assert";
import { testModel } from "../../e2e/support/test_model.ts";
import { Daemon } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { infer } from "../support/ndjson_client.ts";
import { findLlamaServer } from "../support/real_llama_server.ts";
import { freePort } from "../support/ports.ts";
import { SpawnedProcess } from "../support/spawned_process.ts";

async function states(modeld: Daemon): Promise<string> {
  const { servers } = await modeld.json("/status");
  return servers.map(({ state }: { state: string }) => state).join();
}

Deno.test("servers come and go with the addresses of a name; what runs on one that goes is left in peace", async () => {
  const model = await testModel();
  const folder = await Deno.makeTempDir();
  const hosts = `${folder}/hosts`;
  const setAddresses = (...addresses: string[]) =>
    Deno.writeTextFile(hosts, addresses.map((address) => `${address} llama.test\n`).join(""));
  await setAddresses("127.0.0.2", "127.0.0.3");
  const port = freePort();
  const llamas = ["127.0.0.2", "127.0.0.3"].map((address) => {
    const args = ["-t", "1", "-c", "32768", "-np", "2", "-m", model.path, "-a", "tiny", "--no-ui"];
    return new SpawnedProcess(findLlamaServer(), [...args, "--host", address, "--port", String(port)]);
  });
  // A hosts file of modeld's own, in a mount namespace of its own.
  const script = `mount --bind '${hosts}' /etc/hosts && exec "$@"`;
  const modeld = await Daemon.start({
    args: ["--llama-url", `http+dns://llama.test:${port}`, "--preflight=off", "--llama-timeout=0"],
    through: ["unshare", "--mount", "sh", "-c", script, "sh"],
  });
  try {
    await eventually("both are there", async () => await states(modeld) === "ready,ready");
    const replies = await Promise.all([1, 2].map(() => infer(modeld.url, { prompt: "Once", max_tokens: 15_000 })));
    for (const reply of replies) await reply.read(1);
    const names = replies.map(({ headers }) => headers.get("x-modeld-server") ?? "");
    assertEquals(new Set(names).size, 2);

    await setAddresses("127.0.0.3");
    await modeld.process.line(/removed\W+127\.0\.0\.2/, 10_000);
    const { servers } = await modeld.json("/status");
    assertEquals(servers.length, 2, "the one that goes is still at work");
    const stays = servers.find(({ url }: { url: string }) => url.includes("127.0.0.3")).name;
    for (let i = 0; i < 4; i++) {
      const reply = await infer(modeld.url, { prompt: "Once", max_tokens: 2 });
      assertEquals([(await reply.last()).done, reply.headers.get("x-modeld-server")], [true, stays]);
    }
    for (const reply of replies) {
      const lines = await reply.read(reply.lines.length + 50);
      assert(lines.every(({ token }) => token !== undefined), "what runs there goes on");
      await reply.leave();
    }
    await eventually("the one that went is forgotten", async () => await states(modeld) === "ready");

    await setAddresses(); // an empty answer changes nothing
    await modeld.process.line(/the name is not known/, 10_000);
    assertEquals((await (await infer(modeld.url, { prompt: "Once", max_tokens: 2 })).last()).done, true);
  } finally {
    await modeld.stop("SIGKILL");
    for (const llama of llamas) await llama.stop("SIGKILL");
    await model.remove();
    await Deno.remove(folder, { recursive: true });
  }
});
