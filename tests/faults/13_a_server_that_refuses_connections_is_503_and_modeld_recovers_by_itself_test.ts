import { assert, assertEquals } from "@std/assert";
import { assertRefused, assertStreamed } from "../support/assert_reply.ts";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { Daemon } from "../support/daemon.ts";
import { infer } from "../support/ndjson_client.ts";
import { freePort } from "../support/real_llama_server.ts";
import { FakeLlamaHttpServer } from "../support/fake_llama_http_server.ts";
import { Accounts } from "./support/accounts.ts";

Deno.test("a llama-server that refuses connections is 503 unreachable at once, and modeld serves when it is there", async () => {
  const port = freePort();
  const modeld = await Daemon.start({ args: ["--llama-url", `http://127.0.0.1:${port}`, "--preflight=off"] });
  try {
    const before = await Accounts.of(modeld, { openConnections: 0 });
    const start = performance.now();
    const refused = await infer(modeld.url, { prompt: "Once" });
    const took = performance.now() - start;
    await assertRefused(refused, { code: 503, type: "unreachable", says: String(port) });
    assert(took < 1_000, `it took ${took} ms`);
    assertEquals(await modeld.get("/readyz").then(({ status, text }) => [status, text]), [503, "unreachable"]);

    const llama = await FakeLlamaHttpServer.start({ port });
    await modeld.ready();
    const served = await infer(modeld.url, { prompt: "Once" });
    await assertStreamed(served, CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);
    assertEquals(llama.posts.length, 1);
    await llama.close();

    const { "upstream_error queue": away, ...rest } = await before.outcomesSince();
    assertEquals([away, rest], [1, { "ok stream": 1 }]);
    assertEquals(await modeld.stop(), { code: 0, signal: null });
  } finally {
    await modeld.stop("SIGKILL");
  }
});
