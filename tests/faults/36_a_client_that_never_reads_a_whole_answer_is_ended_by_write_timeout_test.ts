import { assert, assertEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { residentMb } from "../support/process_inspection.ts";
import { CLOSE_DELIMITED_HEAD } from "../support/replies.ts";
import { completionEnd, completionToken, SSE_DONE } from "../support/wire_streams.ts";
import { samples } from "./support/accounts.ts";
import { RawClient } from "./support/raw_client.ts";
import { admitted, play } from "./support/scenario.ts";

const CLIENTS = 150;
const KIB = 1024;

/** Tokens that an answer has beyond what the kernels take: some 256 KiB, of which the HTTP library takes half. */
const OWN = 8;

/** What the kernels on the way take for a client that never reads. */
async function kernelBuffers(): Promise<number> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using _client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const served = await listener.accept();
  let [taken, before] = [0, -1];
  const piece = new Uint8Array(8 * KIB);
  const pouring = (async () => {
    for (;;) taken += await served.write(piece);
  })().catch(() => {}); // ends when the connection is closed
  while (taken > before) {
    before = taken;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  served.close();
  await pouring;
  return taken;
}

Deno.test("150 clients that never read a whole answer show in the metrics, take little memory, and are ended by --write-timeout", async () => {
  const token = "x".repeat(32 * KIB);
  const count = Math.ceil(await kernelBuffers() / token.length) + OWN;
  const answer = new TextEncoder().encode(
    CLOSE_DELIMITED_HEAD + completionToken(token).repeat(count) + completionEnd("length") + SSE_DONE,
  );
  await play(
    {
      modeld: ["--write-timeout", "25s", "--max-queue-depth", String(CLIENTS)],
      outcomes: { "timeout stream": CLIENTS },
      posts: CLIENTS,
    },
    async ({ llama, modeld }) => {
      llama.on("POST /v1/completions", async (exchange) => {
        await exchange.send(answer);
        await exchange.close();
      });
      const before = await residentMb(modeld.process.pid);
      const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawClient.connect(modeld.url)));
      try {
        for (const client of clients) await client.postInfer({ prompt: "Once", stream: false });
        await eventually("all asked", () => llama.posts.length > CLIENTS, 40_000);
        await eventually("all slots free", async () => await admitted(modeld) === 0, 20_000);

        const { text } = await modeld.get("/metrics");
        const inflight = samples(text, "modeld_http_inflight_requests").find(({ labels }) =>
          labels["path"] === "/infer"
        );
        assertEquals(inflight?.value, CLIENTS);
        const growth = await residentMb(modeld.process.pid) - before;
        console.log(`memory grew by ${growth.toFixed(0)} MB`);
        assert(growth < 50, `memory grew by ${growth} MB`);
        await eventually("all ended", () => ended(modeld.process.stderrLines) === CLIENTS, 40_000);
        for (const client of clients) assert(!(await client.untilEnd()).endsWith("}\n"), "a cut answer looks whole");
      } finally {
        for (const client of clients) client.close();
      }
    },
  );
});

function ended(lines: readonly string[]): number {
  return lines.filter((line) => JSON.parse(line).type === "write_timeout").length;
}
