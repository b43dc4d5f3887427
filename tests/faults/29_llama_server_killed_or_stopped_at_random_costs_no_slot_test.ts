import { assert, assertEquals } from "@std/assert";
import { testModel } from "../../e2e/support/test_model.ts";
import { Daemon } from "../support/daemon.ts";
import { infer } from "../support/ndjson_client.ts";
import { RealLlamaServer } from "../support/real_llama_server.ts";
import { APIS } from "./support/apis.ts";
import { Accounts } from "./support/accounts.ts";

/** How long the load lasts, in ms, and how many clients make it. */
const DURATION = 8_000;
const CLIENTS = 6;

/** What an honest reply ends with while llama-server is killed and stopped. */
const HONEST = ["done", "truncated", "upstream_error", "unreachable", "loading", "idle_timeout", "first_token_timeout"];

Deno.test("llama-server killed or stopped at random under load: honest replies, counters at zero, service resumes", async () => {
  const model = await testModel();
  const llamaArgs = ["-t", "1", "-m", model.path, "-c", "8192", "-np", "2"];
  let llama = await RealLlamaServer.start(llamaArgs);
  const port = Number(llama.url.port);
  const deadlines = ["--llama-first-token-timeout", "2s", "--llama-idle-timeout", "1s", "--max-wait", "5s"];
  const modeld = await Daemon.start({ args: ["--llama-url", llama.url.href, "--preflight=off", ...deadlines] });
  try {
    await modeld.ready();
    await (await infer(modeld.url, { prompt: "Once", max_tokens: 4 })).read();
    // llama-server's own connections cannot be counted from here: they are among modeld's descriptors.
    const before = await Accounts.of(modeld, { openConnections: 0 });

    const end = performance.now() + DURATION;
    const endings: Record<string, number> = {};
    const load = Array.from({ length: CLIENTS }, async (_, at) => {
      const api = APIS[at % APIS.length] ?? APIS[0];
      while (performance.now() < end) {
        const reply = await api.ask(modeld.url, { ...api.body("Once"), max_tokens: 200 });
        const ending = await reply.ending();
        endings[ending] = (endings[ending] ?? 0) + 1;
        if (reply.status !== 200) await pause(20);
      }
    });
    while (performance.now() < end) {
      await pause(200 + Math.random() * 600);
      if (Math.random() < 0.5) {
        llama.process.signal("SIGSTOP");
        await pause(Math.random() * 1_500);
        llama.process.signal("SIGCONT");
      } else {
        await llama.stop("SIGKILL");
        await pause(Math.random() * 300);
        llama = await RealLlamaServer.start(llamaArgs, { port });
      }
    }
    await Promise.all(load);

    assertEquals(Object.keys(endings).filter((ending) => !HONEST.includes(ending)), [], JSON.stringify(endings));
    assert(
      (endings["done"] ?? 0) > 0 && Object.keys(endings).length > 1,
      `nothing happened: ${JSON.stringify(endings)}`,
    );
    await modeld.ready();
    assertEquals((await (await infer(modeld.url, { prompt: "Once", max_tokens: 4 })).last()).done, true);

    const outcomes = await before.outcomesSince();
    const replies = Object.values(endings).reduce((sum, count) => sum + count, 1);
    assertEquals(Object.values(outcomes).reduce((sum, count) => sum + count, 0), replies, JSON.stringify(outcomes));
    await before.settle(outcomes);
    assertEquals(await modeld.stop(), { code: 0, signal: null });
  } finally {
    await modeld.stop("SIGKILL");
    await llama.stop("SIGKILL");
    await model.remove();
  }
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
