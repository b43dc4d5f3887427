import { assert, assertEquals } from "@std/assert";
import { bearer, withConfigured } from "../support/configured_daemon.ts";
import { eventually } from "../support/eventually.ts";
import { FakeLlamaHttpServer } from "../support/fake_llama_http_server.ts";
import { Load } from "../support/load.ts";
import { infer } from "../support/ndjson_client.ts";

const SLOTS = 2;
const FLOOD = 90;

type Way = Parameters<typeof infer>[2];

/** How modeld tells the two apart, by what each request carries. */
const WAYS: Readonly<Record<string, { config?: object; flood: (request: number) => Way; chat: Way }>> = {
  "by their keys": {
    config: { clients: [{ name: "flood", key: "sk-flood" }, { name: "chat", key: "sk-chat" }] },
    flood: () => ({ headers: bearer("sk-flood") }),
    chat: { headers: bearer("sk-chat") },
  },
  "by their addresses": {
    flood: () => ({ localAddress: "127.0.0.2" }),
    chat: { localAddress: "127.0.0.3" },
  },
  "by their addresses behind a proxy, whatever the one that floods makes up": {
    config: { trusted_proxies: ["127.0.0.1"] },
    flood: (request) => ({ headers: { "X-Forwarded-For": `203.0.113.${request}, 198.51.100.1` } }),
    chat: { headers: { "X-Forwarded-For": "198.51.100.2" } },
  },
};

for (const [how, { config = {}, flood, chat }] of Object.entries(WAYS)) {
  Deno.test(`beside one that floods, a client waits for no more than what runs, when they are told apart ${how}`, async () => {
    const tokens = Array.from({ length: 12 }, (_, i) => ` ${i}`);
    const llama = await FakeLlamaHttpServer.start({ slots: SLOTS, tokens, tokenDelay: 5 });
    const all = { llama_url: llama.url.href, max_queue_depth: 200, max_wait: "60s", ...config };
    try {
      await withConfigured({ files: { "modeld.json": all } }, async ({ modeld }) => {
        const ask = (way: Way) => infer(modeld.url, { prompt: "Once" }, way);
        let sent = 0;
        const load = new Load(FLOOD, (signal) => ask({ ...flood(sent++), signal }));
        await eventually("llama-server has begun some of it", () => llama.posts.length > SLOTS);
        for (let turn = 0; turn < 6; turn++) {
          const before = load.ended;
          const reply = await ask(chat);
          await reply.read(1);
          const passed = load.ended - before;
          assert(passed <= 2 * SLOTS, `${passed} of the flood ended before the chat began`);
          assertEquals((await reply.last()).done, true);
        }
        assert(load.ended < FLOOD - SLOTS, `the flood was over too soon to say anything: ${load.ended}`);
        assertEquals(await load.outcomes(), { "200 done": FLOOD });
        assertEquals(await modeld.stop(), { code: 0, signal: null });
      });
    } finally {
      await llama.close();
    }
  });
}
