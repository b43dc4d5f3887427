import { assert, assertEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { FakeLlamaHttpServer } from "../support/fake_llama_http_server.ts";
import { Inspector } from "../support/inspector.ts";
import { openDescriptors } from "../support/process_inspection.ts";
import { freePort } from "../support/ports.ts";
import { type Configured, withConfigured } from "../support/configured_daemon.ts";

const RELOADS = 1_000;
/** So many come first: until then V8 compiles, and the heap grows by a kB each. */
const WARM_UP = 600;
/** What the heap may grow by in the others: 0.6 kB each, while a handler with its routes has several. */
const MOST_GROWTH = 256 * 1024;

/** Everything that is live changes with each reload: servers, clients, keys, limits, deadlines, CORS. */
function configuration(turn: number, [first, second]: readonly URL[]): Record<string, unknown> {
  const odd = turn % 2 === 1;
  return {
    servers: [{ name: "stays", url: first?.href }, ...odd ? [{ name: "comes-and-goes", url: second?.href }] : []],
    clients: [
      { name: "load", key: "sk-load", weight: 1 + turn % 7, requests_per_minute: odd ? 1_000_000 : 0 },
      { name: "rotates", key: `sk-${turn}` },
    ],
    max_wait: odd ? "20s" : "30s",
    write_timeout: odd ? "50s" : "60s",
    llama_idle_timeout: odd ? "10s" : "20s",
    cors_enabled: odd,
    cors_allowed_origins: ["https://chat.example"],
  };
}

/** Sends one request after the other until the signal aborts. @returns how many were answered to their end */
async function load({ ask }: Configured, stop: AbortSignal): Promise<number> {
  let answered = 0;
  while (!stop.aborted) {
    const reply = await ask("sk-load", {}, { headers: { "X-Log-Level": "off" } });
    assertEquals([reply.status, (await reply.last()).done], [200, true], reply.text);
    answered++;
  }
  return answered;
}

Deno.test("1,000 reloads while streams run: no request fails, and descriptors and heap are where they were", async () => {
  const llamas = [
    await FakeLlamaHttpServer.start({ tokenDelay: 10 }),
    await FakeLlamaHttpServer.start({ tokenDelay: 10 }),
  ];
  const urls = llamas.map(({ url }) => url);
  // An executable has no inspector: there the descriptors alone are held against what they were.
  const port = Deno.env.has("MODELD_BIN") ? undefined : freePort();
  const denoFlags = port === undefined ? [] : [`--inspect=127.0.0.1:${port}`];
  const options = { files: { "modeld.json": configuration(0, urls) }, args: ["--log-level=info"], denoFlags };
  try {
    await withConfigured(options, async (configured) => {
      const { modeld, write, see, reload, reloads } = configured;
      const inspector = port === undefined ? undefined : await Inspector.connect(port);
      /** Reloads so often, with three streams at any time. */
      const reloadUnderLoad = async (from: number, to: number) => {
        const stop = new AbortController();
        const loads = [1, 2, 3].map(() => load(configured, stop.signal));
        for (let turn = from; turn < to; turn++) {
          await write("modeld.json", JSON.stringify(configuration(turn, urls)));
          await reload();
        }
        stop.abort();
        const answered = await Promise.all(loads);
        assert(answered.every((count) => count > (to - from) / 100), `${answered} requests`);
      };
      /** What is open and used when nothing runs; the second server is not in the configuration then. */
      const atRest = async () => {
        await eventually(
          "only one server is left",
          async () => JSON.parse(await see("sk-load", "/status")).servers.length === 1,
        );
        await eventually("its connections are closed", () => llamas[1]?.openConnections === 0);
        return { descriptors: await openDescriptors(modeld.process.pid), heap: await inspector?.liveHeap() ?? 0 };
      };
      await reloadUnderLoad(0, WARM_UP + 1);
      const before = await atRest();
      await reloadUnderLoad(WARM_UP + 1, RELOADS + 1);
      const after = await atRest();
      assertEquals(new Set(reloads()), new Set(["reloaded"]));
      const grown = after.heap - before.heap;
      assert(grown < MOST_GROWTH, `the heap grew by ${grown} bytes in ${RELOADS - WARM_UP} reloads`);
      assert(Math.abs(after.descriptors - before.descriptors) <= 2, `${before.descriptors} then ${after.descriptors}`);
      await inspector?.close();
      assertEquals(await modeld.stop(), { code: 0, signal: null });
    });
  } finally {
    await Promise.all(llamas.map((llama) => llama.close()));
  }
});
