import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Daemon } from "../support/daemon.ts";
import { FakeLlamaHttpServer } from "../support/fake_llama_http_server.ts";
import { type Api, APIS } from "./support/apis.ts";

const TRIES = 20;

Deno.test("20 wrong keys with X-Log-Level: off are in the log, one by one or counted, and none can be read there", async () => {
  const llama = await FakeLlamaHttpServer.start();
  const args = ["--llama-url", llama.url.href, "--preflight=off", "--log-format=json"];
  const modeld = await Daemon.start({ args, env: { MODELD_API_KEYS: "sk-right" } });
  try {
    await modeld.ready();
    const ask = async (key: string, api: Api = APIS[0]) => {
      // Each API in the way in which its clients send keys.
      const sent: Record<string, string> = api === APIS[0] ? { Authorization: `Bearer ${key}` } : { "x-api-key": key };
      const headers = { "Content-Type": "application/json", "X-Log-Level": "off", ...sent };
      const reply = await api.ask(modeld.url, api.body("Once"), { headers });
      await reply.text();
      return reply.status;
    };
    for (let count = 0; count < TRIES; count++) assertEquals(await ask(`sk-wrong-${count}`, APIS[count % 2]), 401);
    const before = modeld.process.stderrLines.length;
    assertEquals(await ask("sk-right"), 200);
    assertEquals((await modeld.stop()).code, 0);

    const refusals = modeld.process.stderrLines.filter((line) => line.includes("a client was refused"))
      .map((line) => JSON.parse(line));
    const [first] = refusals;
    assertEquals([first?.level, first?.status, first?.path, first?.address], ["WARN", 401, "/infer", "127.0.0.1"]);
    assert(refusals.length <= 11, `${refusals.length} lines`);
    assertEquals(refusals.reduce((sum, { left_out = 1 }) => sum + left_out, 0), TRIES);
    assert(!modeld.stderr.includes("sk-wrong"));
    // A level that comes with the right key does count.
    const later = modeld.process.stderrLines.slice(before).join("\n");
    assert(!later.includes("inference"), later);
    assertStringIncludes(later, "stopped");
  } finally {
    await modeld.stop("SIGKILL");
    await llama.close();
  }
});
