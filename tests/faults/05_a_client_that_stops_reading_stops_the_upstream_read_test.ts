import { assert } from "@std/assert";
import { assertStreamed } from "../support/assert_reply.ts";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { residentMb } from "../support/process_inspection.ts";
import { chunk, STREAM_HEAD } from "../support/replies.ts";
import { completionToken } from "../support/wire_streams.ts";
import { RawClient } from "./support/raw_client.ts";
import { play } from "./support/scenario.ts";

/** What the kernels on the way may hold, and then some. */
const BUFFERS_MB = 40;

Deno.test("a client that stops reading stops the upstream read, costs no memory, and is ended by --write-timeout", async () => {
  await play(
    { modeld: ["--write-timeout", "2s"], outcomes: { "timeout stream": 1, "ok stream": 1 }, posts: 2 },
    async ({ llama, modeld, ask }) => {
      const taken = llama.take();
      using client = await RawClient.connect(modeld.url);
      await client.postInfer({ prompt: "Once" });
      const exchange = await taken;
      await exchange.send(STREAM_HEAD + chunk(completionToken(" upon")));
      await client.until('{"token":" upon"}\n');
      const before = await residentMb(modeld.process.pid);

      const events = chunk(completionToken(" and on".repeat(1_000)).repeat(16));
      let sent = 0;
      const pouring = (async () => {
        for (;;) sent += await exchange.send(events).then(() => events.length);
      })().catch(() => {}); // ends when modeld gives up

      await assertStreamed(await ask(), CANNED_TOKENS, "stop", [1, CANNED_TOKENS.length]);
      const start = performance.now();
      await exchange.gone;
      await pouring;
      const waited = performance.now() - start;
      assert(waited > 1_000, `it was given up after ${waited} ms`);
      assert(sent < BUFFERS_MB * 2 ** 20, `modeld took ${sent} bytes for a client that does not read`);
      const growth = await residentMb(modeld.process.pid) - before;
      assert(growth < 2 * BUFFERS_MB, `memory grew by ${growth} MB`);
    },
  );
});
