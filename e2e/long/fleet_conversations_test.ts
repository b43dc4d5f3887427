import { assert, assertEquals } from "@std/assert";
import { infer } from "../../tests/support/ndjson_client.ts";
import type { RealLlamaServer } from "../../tests/support/real_llama_server.ts";
import { countedByModeld, countedByServers, since, withFleet } from "../support/fleet.ts";
import { modelFolder, testModel } from "../support/test_model.ts";

const SLOTS = 4;
const LLAMA_ARGS = ["-t", "1", "-c", "32768", "-np", String(SLOTS), "--metrics"];
const CONVERSATIONS = 8;
const TURNS = 5;
/** modeld may compute so many times the prompt tokens of a client that keeps each conversation on its server. */
const MOST_COMPUTED = 1.05;
const MAX_TOKENS = 4;

/** Sends one turn. */
type Send = (prompt: string, conversation: number) => Promise<void>;

/** Eight conversations at once, each turn resending its history; without a session key. */
async function converse(name: string, turnsOf: (conversation: number) => number, send: Send): Promise<number> {
  let sent = 0;
  await Promise.all(Array.from({ length: CONVERSATIONS }, async (_, conversation) => {
    let history = `${name}: what ${conversation} talks about. ${"All of them begin alike. ".repeat(4)}`;
    for (let turn = 0; turn < turnsOf(conversation); turn++) {
      history += `In turn ${turn} number ${conversation} says this and that. `.repeat(3);
      await send(history, conversation);
      sent++;
    }
  }));
  return sent;
}

/** Sends each conversation to a server of its own choice, always the same: what a client can do that knows its sessions. */
function fixed(llamas: readonly RealLlamaServer[]): Send {
  return async (prompt, conversation) => {
    const llama = llamas[conversation % llamas.length];
    const response = await fetch(new URL("/v1/completions", llama?.url), {
      method: "POST",
      body: JSON.stringify({ prompt, max_tokens: MAX_TOKENS }),
    });
    assertEquals(response.status, 200, await response.text());
  };
}

const LOADS = {
  "of five turns each": () => TURNS,
  // With a fixed assignment to two servers, these are all those of one.
  "half of them three times as chatty": (conversation: number) => conversation % 2 === 0 ? 3 * TURNS : TURNS,
};

for (const servers of [2, 3]) {
  Deno.test(`${servers} servers: conversations stay where their prompts are cached, and modeld counts as llama-server does`, async (t) => {
    const model = await testModel();
    try {
      await withFleet(servers, [...LLAMA_ARGS, "-m", model.path, "-a", "tiny"], [], async ({ llamas, modeld }) => {
        for (const [name, turnsOf] of Object.entries(LOADS)) {
          await t.step(name, async () => {
            const start = await countedByServers(llamas);
            await converse(`fixed, ${name}`, turnsOf, fixed(llamas));
            const byClient = since(start, await countedByServers(llamas));

            const before = { servers: await countedByServers(llamas), modeld: await countedByModeld(modeld) };
            const used = new Set<string | null>();
            const sent = await converse(`modeld, ${name}`, turnsOf, async (prompt) => {
              const reply = await infer(modeld.url, { prompt, max_tokens: MAX_TOKENS });
              assertEquals((await reply.last()).done, true, reply.text);
              used.add(reply.headers.get("x-modeld-server"));
            });
            const byServers = since(before.servers, await countedByServers(llamas));
            assertEquals(since(before.modeld, await countedByModeld(modeld)), byServers);
            assertEquals(byServers.generated, sent * MAX_TOKENS);
            assertEquals(used.size, servers);
            const times = byServers.computed / byClient.computed;
            assert(
              times <= MOST_COMPUTED,
              `${byServers.computed} tokens computed, fixed ${byClient.computed}: ${times}`,
            );
          });
        }
      });
    } finally {
      await model.remove();
    }
  });
}

Deno.test("two routers: each conversation stays on the one that has its model and its prompt", async () => {
  const folder = await modelFolder(["a", "b"]);
  const args = [...LLAMA_ARGS, "--models-dir", folder.path, "--models-max", "1"];
  try {
    await withFleet(2, args, ["--models-dir", folder.path], async ({ modeld }) => {
      const homes = new Map<number, Set<string | null>>();
      await converse("routers", () => TURNS, async (prompt, conversation) => {
        const model = conversation % 2 === 0 ? "a" : "b";
        const reply = await infer(modeld.url, { prompt, model, max_tokens: MAX_TOKENS });
        assertEquals((await reply.last()).done, true, reply.text);
        const server = reply.headers.get("x-modeld-server");
        homes.set(conversation, (homes.get(conversation) ?? new Set()).add(server));
      });
      assertEquals([...homes.values()].map(({ size }) => size), Array(CONVERSATIONS).fill(1));
      assertEquals(new Set([...homes.values()].flatMap((servers) => [...servers])).size, 2);
    });
  } finally {
    await folder.remove();
  }
});
