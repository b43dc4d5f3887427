import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Daemon } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import type { Exchange } from "../support/raw_http_server.ts";
import { chunk, LAST_CHUNK, STREAM_HEAD } from "../support/replies.ts";
import { FakeLlamaHttpServer } from "../support/fake_llama_http_server.ts";
import { type Api, type ApiReply, APIS } from "./support/apis.ts";
import { queueLength } from "./support/scenario.ts";

const SHUTTING_DOWN = { code: 503, type: "shutting_down", says: "" };

/** A modeld with one stream that has sent one token. */
async function withStream(
  api: Api,
  args: readonly string[],
  run: (modeld: Daemon, exchange: Exchange, reply: ApiReply) => Promise<void>,
): Promise<void> {
  const llama = await FakeLlamaHttpServer.start({ slots: 1 });
  const modeld = await Daemon.start({ args: ["--llama-url", llama.url.href, "--preflight=off", ...args] });
  try {
    await modeld.ready();
    const taken = llama.take();
    const asking = api.ask(modeld.url, api.body("Once"));
    const exchange = await taken;
    await exchange.send(STREAM_HEAD + chunk(api.start + api.token(" upon")));
    const reply = await asking;
    await reply.tokens(1);
    await run(modeld, exchange, reply);
  } finally {
    await modeld.stop("SIGKILL");
    await llama.close();
  }
}

for (const api of APIS) {
  Deno.test(`SIGTERM turns new and queued requests to ${api.path} away at once, lets the stream end, and exits 0`, async () => {
    await withStream(api, ["--shutdown-timeout", "10s"], async (modeld, exchange, reply) => {
      const queued = api.ask(modeld.url, api.body("Once"));
      await eventually("one waits", async () => await queueLength(modeld) === 1);
      modeld.process.signal("SIGTERM");
      const waited = await queued;
      assertMatch(waited.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
      await waited.assertRefused(SHUTTING_DOWN);
      await (await api.ask(modeld.url, api.body("Once"))).assertRefused(SHUTTING_DOWN);
      assertEquals(await modeld.get("/readyz").then(({ status, text }) => [status, text]), [503, "draining"]);
      assertEquals((await modeld.get("/healthz")).status, 200);

      await exchange.send(chunk(api.token(" a") + api.end(1)) + LAST_CHUNK);
      await reply.assertStreamed([" upon", " a"], [2, 1]);
      assertEquals(await modeld.process.exited, { code: 0, signal: null });
      await assertRejects(() => modeld.get("/healthz"), TypeError);
    });
  });

  Deno.test(`a stream of ${api.path} that goes on past --shutdown-timeout ends in an error, and modeld exits 0`, async () => {
    await withStream(api, ["--shutdown-timeout", "500ms"], async (modeld, exchange, reply) => {
      const start = performance.now();
      modeld.process.signal("SIGTERM");
      await reply.assertCutShort([" upon"], SHUTTING_DOWN);
      const waited = performance.now() - start;
      assert(waited >= 490 && waited < 3_000, `it was ended after ${waited} ms`);
      await exchange.gone;
      assertEquals(await modeld.process.exited, { code: 0, signal: null });
    });
  });
}

Deno.test("a second signal exits at once", async () => {
  await withStream(APIS[0], ["--shutdown-timeout", "30s"], async (modeld) => {
    modeld.process.signal("SIGTERM");
    await eventually("it drains", async () => (await modeld.get("/readyz")).text === "draining");
    const start = performance.now();
    modeld.process.signal("SIGTERM");
    const { code } = await modeld.process.exited;
    assertEquals(code, 143);
    assert(performance.now() - start < 1_000);
  });
});

Deno.test("SIGTERM ends modeld also after it has loaded its pages, and V8 has collected meanwhile", async () => {
  const modeld = await Daemon.start({ args: ["--llama-url", "http://127.0.0.1:9", "--preflight=off"] });
  try {
    // The executable collects while it loads its pages.
    for (const path of ["/docs", "/openapi.json", "/", "/status", "/metrics"]) {
      await (await fetch(new URL(path, modeld.url))).body?.cancel();
    }
    assertEquals(await modeld.stop(), { code: 0, signal: null });
  } finally {
    await modeld.stop("SIGKILL");
  }
});
