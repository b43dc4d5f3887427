import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Daemon } from "../support/daemon.ts";
import { infer } from "../support/ndjson_client.ts";
import { CLOSE_DELIMITED_HEAD } from "../support/replies.ts";
import { FakeLlamaHttpServer } from "../support/fake_llama_http_server.ts";
import { assertContract } from "./support/contract.ts";
import { corpus } from "./support/corpus.ts";
import { timeBox } from "./support/time_box.ts";

const utf8 = new TextEncoder();
/** What is done to a stream: bytes taken out at a place (in thousandths of its length), and others put in. */
const wound = fc.record({
  at: fc.integer({ min: 0, max: 1000 }),
  remove: fc.integer({ min: 0, max: 40 }),
  insert: fc.oneof(
    fc.constant(new Uint8Array()),
    fc.uint8Array({ maxLength: 20 }),
    fc.constantFrom(
      "\n\n",
      "\r",
      "data: ",
      ": ping\n\n",
      "event: error\n",
      "error: {",
      '{"error":{"message":"x"}}',
      "[DONE]",
      "\ufeff",
    )
      .map((text) => utf8.encode(text)),
  ),
});

function wounded(
  stream: Uint8Array,
  wounds: readonly { at: number; remove: number; insert: Uint8Array }[],
): Uint8Array {
  let bytes = stream;
  for (const { at, remove, insert } of wounds) {
    const place = Math.floor(bytes.length * at / 1000);
    bytes = Uint8Array.from([...bytes.subarray(0, place), ...insert, ...bytes.subarray(place + remove)]);
  }
  return bytes;
}

Deno.test("any stream, however spoiled and sliced, ends in exactly one final or error line, the same for any slicing", async () => {
  const llama = await FakeLlamaHttpServer.start();
  const modeld = await Daemon.start({
    args: ["--llama-url", llama.url.href, "--preflight=off"],
  });
  const ask = async (bytes: Uint8Array, size: number) => {
    llama.next(async (exchange) => {
      await exchange.send(CLOSE_DELIMITED_HEAD);
      for (let start = 0; start < bytes.length; start += size) await exchange.send(bytes.subarray(start, start + size));
      await exchange.close();
    });
    const reply = await infer(modeld.url, { prompt: "Once" }, { headers: { "X-Log-Level": "off" } });
    await reply.read();
    assertContract(reply);
    return reply.text;
  };
  try {
    await modeld.ready();
    const property = fc.asyncProperty(
      fc.constantFrom(...await corpus()),
      fc.array(wound, { maxLength: 4 }),
      fc.integer({ min: 1, max: 500 }),
      async (stream, wounds, size) => {
        const bytes = wounded(stream, wounds);
        assertEquals(await ask(bytes, size), await ask(bytes, bytes.length || 1));
      },
    );
    await fc.assert(property, timeBox("streams"));
    console.log(`streams: ${llama.posts.length} replies`);
  } finally {
    await modeld.stop("SIGKILL");
    await llama.close();
  }
});
