import { assert, assertEquals } from "@std/assert";
import { Daemon } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { FakeLlamaHttpServer } from "../support/fake_llama_http_server.ts";
import { APIS } from "./support/apis.ts";
import { Accounts } from "./support/accounts.ts";

/** When llama-server is done, the deadline passes and the client leaves: all in the same moment, in ms. */
const MOMENT = 150;
const REQUESTS = 120;

/** What falls into that moment: the first token, or the end of the stream. */
const DONE = { "the first token": MOMENT, "the end of the stream": MOMENT / 3 };

for (const [what, tokenDelay] of Object.entries(DONE)) {
  Deno.test(`${what}, cancel and timeout in the same tick: one outcome each, and no counter goes below zero`, async () => {
    await collide(tokenDelay);
  });
}

async function collide(tokenDelay: number): Promise<void> {
  const llama = await FakeLlamaHttpServer.start({ slots: 8, tokens: [" one"], tokenDelay });
  const args = ["--llama-url", llama.url.href, "--preflight=off", "--max-queue-depth", "8", "--log-level=debug"];
  const modeld = await Daemon.start({ args: [...args, "--infer-timeout", `${MOMENT}ms`] });
  try {
    await modeld.ready();
    for (const api of APIS) await (await api.ask(modeld.url, api.body("Once"))).text();
    const before = await Accounts.of(modeld, llama);
    for (let round = 0; round < REQUESTS / 8; round++) {
      await Promise.all(Array.from({ length: 8 }, async (_, index) => {
        const leave = new AbortController();
        const timer = index % 2 === 0 ? setTimeout(() => leave.abort(), MOMENT + (index - 4) / 2) : undefined;
        try {
          const api = APIS[index >> 1 & 1] ?? APIS[0];
          await (await api.ask(modeld.url, api.body("Once"), { signal: leave.signal })).text();
        } catch (error) {
          if (!leave.signal.aborted) throw error;
        } finally {
          clearTimeout(timer);
        }
      }));
    }
    // A client may give up before its request has even reached modeld: what counts is what modeld began.
    await eventually("every inference that began has ended", () => ended(modeld).length >= begun(modeld).length);
    assertEquals(ended(modeld).sort(), begun(modeld).sort(), "each ends exactly once");
    assert(begun(modeld).length > REQUESTS / 2, `only ${begun(modeld).length} reached modeld`);
    const outcomes = await before.outcomesSince();
    const total = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
    assertEquals(total, begun(modeld).length - APIS.length, "all but the first, which were before");
    const known = ["ok stream", "timeout stream", "timeout prefill", "cancelled stream", "cancelled prefill"];
    assertEquals(Object.keys(outcomes).filter((name) => !known.includes(name)), []);
    await before.settle(outcomes);
    assertEquals(await modeld.stop(), { code: 0, signal: null });
  } finally {
    await modeld.stop("SIGKILL");
    await llama.close();
  }
}

function begun(modeld: Daemon): string[] {
  return requestIds(modeld, "inference started");
}

function ended(modeld: Daemon): string[] {
  return requestIds(modeld, "inference ended");
}

function requestIds(modeld: Daemon, message: string): string[] {
  const lines = modeld.process.stderrLines.map((line) => JSON.parse(line));
  return lines.filter((line) => line.message === message).map((line) => line.request_id);
}
