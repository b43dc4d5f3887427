import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { assertRefused } from "../support/assert_reply.ts";
import type { Exchange } from "../support/raw_http_server.ts";
import { CLOSE_DELIMITED_HEAD } from "../support/replies.ts";
import { residentMb } from "../support/process_inspection.ts";
import { completionEnd, completionToken, SSE_DONE } from "../support/wire_streams.ts";
import { play } from "./support/scenario.ts";

const MB = 2 ** 20;

/** Sends an event again and again until modeld gives up. */
async function pour(exchange: Exchange, event: string): Promise<void> {
  await exchange.send(CLOSE_DELIMITED_HEAD);
  for (;;) await exchange.send(event);
}

const SIZES: Record<string, string> = {
  "short tokens": completionToken(" on").repeat(100),
  "giant tokens": completionToken("x".repeat(3 * MB)),
};

for (const [name, event] of Object.entries(SIZES)) {
  Deno.test(`an endless answer of ${name} ends in an error line, and llama-server is told to stop`, async () => {
    await play(
      { modeld: ["--max-answer-bytes", "200000"], outcomes: { "upstream_error stream": 1 }, posts: 1 },
      async ({ llama, ask }) => {
        llama.next((exchange) => pour(exchange, completionToken(" one") + event));
        const last = await (await ask()).last();
        assertEquals([last.code, last.type], [500, "answer_too_large"]);
        assertStringIncludes(last.error ?? "", "--max-answer-bytes");
      },
    );
  });

  Deno.test(`an endless whole answer of ${name} is 500, and llama-server is told to stop`, async () => {
    await play(
      { modeld: ["--max-answer-bytes", "200000"], outcomes: { "upstream_error stream": 1 }, posts: 1 },
      async ({ llama, ask }) => {
        llama.next((exchange) => pour(exchange, completionToken(" one") + event));
        const error = { code: 500, type: "answer_too_large", says: "--max-answer-bytes" };
        await assertRefused(await ask({ stream: false }), error);
      },
    );
  });
}

Deno.test("without a setting an answer ends at 16 MiB, and modeld holds little more than that", async () => {
  await play({ outcomes: { "upstream_error stream": 1 }, posts: 1 }, async ({ llama, modeld, ask }) => {
    const before = await residentMb(modeld.process.pid);
    llama.next((exchange) => pour(exchange, completionToken(" and on and on").repeat(1_000)));
    const reply = await ask({ stream: false });
    const growth = await residentMb(modeld.process.pid) - before;
    await assertRefused(reply, { code: 500, type: "answer_too_large", says: "limit of 16777216 bytes" });
    assert(growth < 120, `memory grew by ${growth} MB`);
  });
});

for (const stream of [true, false]) {
  Deno.test(`an answer of exactly the limit is whole, in many pieces (stream ${stream})`, async () => {
    await play(
      { modeld: ["--max-answer-bytes", "300000"], outcomes: { "ok stream": 1 }, posts: 1 },
      async ({ llama, ask }) => {
        llama.next(async (exchange) => {
          await exchange.send(CLOSE_DELIMITED_HEAD);
          for (let sent = 0; sent < 300_000; sent += 3) await exchange.send(completionToken("üx"));
          await exchange.send(completionEnd("length") + SSE_DONE);
          await exchange.close();
        });
        const reply = await ask({ stream });
        const last = await reply.last();
        assertEquals([last.done, last.finish_reason], [true, "length"]);
        assertEquals(last.content, "üx".repeat(100_000));
        if (stream) assertEquals(await reply.content(), last.content);
        else assertEquals(Number(reply.headers.get("content-length")), new TextEncoder().encode(reply.text).length);
      },
    );
  });
}
