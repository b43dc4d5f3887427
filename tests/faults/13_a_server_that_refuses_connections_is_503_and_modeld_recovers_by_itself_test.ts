import { assert, assertEquals } from "@std/assert";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { Daemon } from "../support/daemon.ts";
import { freePort } from "../support/ports.ts";
import { FakeLlamaHttpServer } from "../support/fake_llama_http_server.ts";
import { APIS } from "./support/apis.ts";
import { Accounts } from "./support/accounts.ts";

Deno.test("a llama-server that refuses connections is 503 unreachable at once, and modeld serves when it is there", async () => {
  const port = freePort();
  const modeld = await Daemon.start({ args: ["--llama-url", `http://127.0.0.1:${port}`, "--preflight=off"] });
  try {
    const before = await Accounts.of(modeld, { openConnections: 0 });
    for (const api of APIS) {
      const start = performance.now();
      const refused = await api.ask(modeld.url, api.body("Once"));
      const took = performance.now() - start;
      await refused.assertRefused({ code: 503, type: "unreachable", says: String(port) });
      assert(took < 1_000, `it took ${took} ms`);
    }
    assertEquals(await modeld.get("/readyz").then(({ status, text }) => [status, text]), [503, "unreachable"]);

    const llama = await FakeLlamaHttpServer.start({ port });
    await modeld.ready();
    for (const api of APIS) {
      const served = await api.ask(modeld.url, api.body("Once"));
      await served.assertStreamed(CANNED_TOKENS, [1, CANNED_TOKENS.length]);
    }
    assertEquals(llama.posts.length, APIS.length);
    await llama.close();

    const { "upstream_error queue": away, ...rest } = await before.outcomesSince();
    assertEquals([away, rest], [APIS.length, { "ok stream": APIS.length }]);
    assertEquals(await modeld.stop(), { code: 0, signal: null });
  } finally {
    await modeld.stop("SIGKILL");
  }
});
