import { assert, assertEquals } from "@std/assert";
import { assertCutShort } from "../tests/support/assert_reply.ts";
import { Daemon } from "../tests/support/daemon.ts";
import { eventually } from "../tests/support/eventually.ts";
import { infer, type InferReply } from "../tests/support/ndjson_client.ts";
import type { RealLlamaServer } from "../tests/support/real_llama_server.ts";
import { TcpRelay } from "../tests/support/tcp_relay.ts";
import { withStack } from "./support/stack.ts";

const REQUEST = { prompt: "Once", max_tokens: 40, seed: 7 };
const LONG = { prompt: "Once", max_tokens: 15_000 };

/** Runs a test with a relay between modeld and a real llama-server. */
async function withRelay(
  args: readonly string[],
  run: (relay: TcpRelay, modeld: Daemon, llama: RealLlamaServer) => Promise<void>,
): Promise<void> {
  await withStack({}, async ({ llama }) => {
    const relay = await TcpRelay.start(llama.url);
    const modeld = await Daemon.start({ args: ["--llama-url", relay.url.href, ...args] });
    try {
      await run(relay, await modeld.ready(), llama);
    } finally {
      await modeld.stop("SIGKILL");
      await relay.close();
    }
  });
}

function tokens(reply: InferReply): string[] {
  return reply.lines.flatMap((line) => line.token ?? []);
}

Deno.test("latency, slicing and throttling change nothing but the time", async () => {
  await withRelay([], async (relay, modeld) => {
    const fair = await (await infer(modeld.url, REQUEST)).content();
    Object.assign(relay.weather, { latency: 5, sliceBytes: 3, bytesPerSecond: 200_000 });
    const foul = await infer(modeld.url, REQUEST);
    assertEquals(await foul.content(), fair);
    assertEquals((await foul.last()).finish_reason, "length");
  });
});

for (const how of ["cut", "reset"] as const) {
  Deno.test(`a network that ${how}s mid-stream ends the reply in an error line, and llama-server's slot is free again`, async () => {
    await withRelay([], async (relay, modeld, llama) => {
      const reply = await infer(modeld.url, LONG);
      await reply.read(3);
      relay[how]();
      await reply.read();
      await assertCutShort(reply, tokens(reply), { code: 500, type: "truncated", says: "adapter generate: " });
      await eventually("every slot is idle", async () => await llama.busySlots() === 0);
      assertEquals((await (await infer(modeld.url, REQUEST)).last()).done, true);
    });
  });
}

Deno.test("a network that stalls mid-stream ends the reply by the idle deadline, and llama-server's slot is free again", async () => {
  await withRelay(["--llama-idle-timeout", "500ms"], async (relay, modeld, llama) => {
    const reply = await infer(modeld.url, LONG);
    await reply.read(3);
    relay.weather.stalled = true;
    const start = performance.now();
    await reply.read();
    const waited = performance.now() - start;
    assert(waited < 3_000, `it took ${waited} ms`);
    await assertCutShort(reply, tokens(reply), { code: 500, type: "idle_timeout", says: "--llama-idle-timeout" });
    relay.weather.stalled = false;
    await eventually("every slot is idle", async () => await llama.busySlots() === 0);
    assertEquals((await (await infer(modeld.url, REQUEST)).last()).done, true);
  });
});
