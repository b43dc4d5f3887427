import { assert } from "@std/assert";
import { CANNED_TOKENS } from "../support/canned_generation.ts";
import { residentMb } from "../support/process_inspection.ts";
import { chunk, STREAM_HEAD } from "../support/replies.ts";
import { playEach } from "./support/apis.ts";
import { RawClient } from "./support/raw_client.ts";

/** What the kernels on the way may hold, and then some. */
const BUFFERS_MB = 40;

Deno.test("a client that stops reading stops the upstream read, costs no memory, and is ended by --write-timeout", async () => {
  await playEach(
    { modeld: ["--write-timeout", "2s"], outcomes: { "timeout stream": 1, "ok stream": 1 }, posts: 2 },
    async ({ llama, modeld, api, ask }) => {
      const taken = llama.take();
      using client = await RawClient.connect(modeld.url);
      await client.post(api.path, api.body("Once"));
      const exchange = await taken;
      await exchange.send(STREAM_HEAD + chunk(api.start + api.token(" upon")));
      await client.until(api.shown(" upon"));
      const before = await residentMb(modeld.process.pid);

      const events = chunk(api.token(" and on".repeat(1_000)).repeat(16));
      let sent = 0;
      const pouring = (async () => {
        for (;;) sent += await exchange.send(events).then(() => events.length);
      })().catch(() => {}); // ends when modeld gives up

      await (await ask()).assertStreamed(CANNED_TOKENS, [1, CANNED_TOKENS.length]);
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
